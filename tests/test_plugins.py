"""Parts by name, through entry points."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nasflow import plugins
from nasflow.errors import PluginError
from nasflow.plugins import load, names, nearest


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A distribution of somebody else is installed, with one good strategy and two broken ones."""
    (tmp_path / "stranger_parts.py").write_text("class Mine:\n    pass\n")
    (tmp_path / "stranger_broken.py").write_text("import no_such_package_at_all\n")
    metadata = tmp_path / "stranger-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[nasflow.strategies]\n"
        "mine = stranger_parts:Mine\n"
        "absent = stranger_parts:Absent\n"
        "broken = stranger_broken:Thing\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    _forget()
    yield
    _forget()
    sys.modules.pop("stranger_parts", None)


def _forget() -> None:
    plugins._entries.cache_clear()
    plugins.load.cache_clear()


def test_the_parts_that_come_with_nasflow_are_listed() -> None:
    assert {"evolution", "grid", "random"} <= set(names("strategies"))
    assert {"flops", "parameters", "train_seconds"} <= set(names("objectives"))
    assert names("strategies") == sorted(names("strategies"))


@pytest.mark.usefixtures("stranger")
def test_a_strangers_part_is_found_by_its_name() -> None:
    assert "mine" in names("strategies")
    assert "mine" not in names("families")
    assert load("strategies", "mine").__name__ == "Mine"
    assert load("strategies", "mine") is load("strategies", "mine")


@pytest.mark.usefixtures("stranger")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("broken", r"the strategies entry 'broken' \(stranger_broken:Thing\) cannot be imported: ModuleNotFoundError"),
        ("absent", r"the strategies entry 'absent' \(stranger_parts:Absent\) cannot be imported: AttributeError"),
        ("mien", r"'mien' is none of the known strategies: .*mine.*Did you mean 'mine'\?"),
    ],
)
def test_what_cannot_be_had_is_explained(name: str, message: str) -> None:
    with pytest.raises(PluginError, match=message):
        load("strategies", name)


def test_where_nothing_is_installed_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "_entries", lambda group: {})
    load.cache_clear()
    with pytest.raises(PluginError, match=r"'random' is none of the known strategies: none \(is nasflow installed\?\)"):
        load("strategies", "random")


@pytest.mark.parametrize(
    ("value", "valid", "answer"),
    [
        ("evolutoin", ["evolution", "grid"], " Did you mean 'evolution'?"),
        ("RELU", ["relu", "silu"], " Did you mean 'relu'?"),
        ("folder", ["Folder"], " Did you mean 'Folder'?"),
        (1, [1.0, 2.0], " Did you mean '1.0'?"),
        ("xyz", ["evolution", "grid"], ""),
        ("grid", [], ""),
    ],
)
def test_nearest(value: object, valid: list[object], answer: str) -> None:
    assert nearest(value, valid) == answer
