from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import pytest

from nasflow.errors import PluginError
from nasflow.families.module.source import code_digest

FILES = {
    "__init__.py": "",
    "net.py": "from . import blocks\nfrom .parts.gate import Gate\nimport os\n",
    "blocks.py": "def late():\n    import quarry.constants\n",
    "constants.py": "WIDTH = 16\n",
    "unused.py": "X = 1\n",
    "parts/__init__.py": "",
    "parts/gate.py": "from ..constants import WIDTH\nfrom ..absent import x\nclass Gate: ...\n",
    "absent.py": "x = 1\n",
}

Edit = Callable[[str, str], str]


@pytest.fixture
def edit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Edit]:
    """A package `quarry`; returns a function that changes a file and gives the digest of `quarry.net`."""
    for name, text in FILES.items():
        path = tmp_path / "quarry" / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    import_module("quarry.net")

    def edited(name: str, text: str) -> str:
        (tmp_path / "quarry" / name).write_text(text)
        return code_digest("quarry.net")

    yield edited
    for name in [name for name in sys.modules if name.partition(".")[0] == "quarry"]:
        del sys.modules[name]


def test_the_same_code_is_the_same(edit: Edit) -> None:
    assert edit("net.py", FILES["net.py"]) == code_digest("quarry.net")


@pytest.mark.parametrize("name", ["net.py", "blocks.py", "constants.py", "parts/gate.py", "absent.py"])
def test_an_edit_of_what_it_uses_counts(edit: Edit, name: str) -> None:
    before = code_digest("quarry.net")
    assert edit(name, FILES[name] + "# another\n") != before
    assert edit(name, FILES[name]) == before


def test_an_edit_of_what_it_does_not_use_does_not(edit: Edit) -> None:
    before = code_digest("quarry.net")
    assert edit("unused.py", "X = 2\n") == before


def test_code_without_a_file_is_refused() -> None:
    with pytest.raises(PluginError, match="the source code of module 'builtins' cannot be read"):
        code_digest("builtins")
    with pytest.raises(PluginError, match="module 'no_such_module_here' cannot be read"):
        code_digest("no_such_module_here")


def test_a_module_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lonely.py").write_text("import json\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    before = code_digest("lonely")
    (tmp_path / "lonely.py").write_text("import json  # still\n")
    assert code_digest("lonely") != before
