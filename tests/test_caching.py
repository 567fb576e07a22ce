"""Where the user's cache is."""

from __future__ import annotations

from pathlib import Path

import pytest

from nasflow.caching import cache_folder


def test_cache_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/big/cache")
    assert cache_folder() == Path("/big/cache/nasflow")
    monkeypatch.setenv("HOME", "/home/someone")
    for unset in (lambda: monkeypatch.setenv("XDG_CACHE_HOME", ""), lambda: monkeypatch.delenv("XDG_CACHE_HOME")):
        unset()
        assert cache_folder() == Path("/home/someone/.cache/nasflow")
