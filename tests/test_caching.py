"""Where the user's cache is."""

from __future__ import annotations

from pathlib import Path

import pytest

from nasflow.caching import cache_folder
from nasflow.errors import UserError


def test_cache_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/big/cache")
    assert cache_folder() == Path("/big/cache/nasflow")
    monkeypatch.setenv("HOME", "/home/someone")
    for unset in (lambda: monkeypatch.setenv("XDG_CACHE_HOME", ""), lambda: monkeypatch.delenv("XDG_CACHE_HOME")):
        unset()
        assert cache_folder() == Path("/home/someone/.cache/nasflow")


@pytest.mark.parametrize("named", ["", "~/cache"])
def test_who_has_no_home_is_told_to_name_a_folder(named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a user that is a mere number, in a container whose environment has no HOME."""
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("NASFLOW_CACHE", named)
    monkeypatch.setattr("os.getuid", lambda: 987_654_321)
    with pytest.raises(UserError, match=r"user 987654321 has no home folder .* variable NASFLOW_CACHE"):
        cache_folder()
    monkeypatch.setenv("NASFLOW_CACHE", "/named")
    assert cache_folder() == Path("/named")
