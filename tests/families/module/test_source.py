from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path

import pytest

from nasflow.errors import PluginError
from nasflow.families.module.source import code_digest
from nasflow.ids import digest

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


Files = Mapping[str, str]
Lay = Callable[..., Path]


@pytest.fixture
def lay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lay]:
    """Lay files into a folder on the path, with the records of distributions; imports `slate`."""
    names: set[str] = set()

    def laid(files: Files, records: Files, folder: str = "here") -> Path:
        root = tmp_path / folder
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
            names.add(name.partition("/")[0].removesuffix(".py"))
        for distribution, record in records.items():
            metadata = root / f"{distribution}-1.0.dist-info"
            metadata.mkdir()
            (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
            (metadata / "RECORD").write_text("".join(f"{path},,\n" for path in record.split()))
        monkeypatch.syspath_prepend(str(root))
        return root

    yield laid
    for name in [name for name in sys.modules if name.partition(".")[0] in names]:
        del sys.modules[name]


def counts(path: Path, text: str = "K = 5\n") -> bool:
    """Whether an edit of a file counts for the digest of `slate`, which is loaded."""
    before = code_digest("slate")
    path.write_text(text)
    return code_digest("slate") != before


SLATE = {"slate.py": "from chalk import K\n", "chalk.py": "K = 3\n"}


def test_a_module_beside_a_flat_one_counts(lay: Lay) -> None:
    root = lay({**SLATE, "tools/__init__.py": "", "tools/sponge.py": "K = 3\n", "beside.py": "K = 3\n"}, {})
    (root / "chalk.py").write_text("from tools import sponge\nK = 3\n")
    import_module("slate")
    assert counts(root / "chalk.py", "from tools import sponge\nK = 4\n")
    assert counts(root / "tools/sponge.py")
    assert not counts(root / "beside.py")


def test_of_what_is_installed_its_own_distribution_counts_alone(lay: Lay) -> None:
    """Here `ink` is another distribution's, and `loose` nobody's."""
    files = {**SLATE, "ink.py": "K = 3\n", "loose.py": "K = 3\n", "slate.py": "import chalk, ink, loose\n"}
    root = lay(files, {"slate": "slate.py chalk.py", "ink": "ink.py", "empty": ""}, "site-packages")
    import_module("slate")
    assert counts(root / "chalk.py")
    assert counts(root / "loose.py")
    assert not counts(root / "ink.py")


def test_elsewhere_counts_what_is_not_installed(lay: Lay) -> None:
    home = lay({"slate.py": "import chalk, ink, dust\n"}, {})
    path = lay({"chalk.py": "K = 3\n"}, {}, "on_the_path")
    target = lay({"ink.py": "K = 3\n"}, {"ink": "ink.py"}, "target")
    site = lay({"dust.py": "K = 3\n"}, {}, "site-packages")
    import_module("slate")
    assert counts(home / "slate.py", "import chalk, ink, dust  # still\n")
    assert counts(path / "chalk.py")
    assert not counts(target / "ink.py")
    assert not counts(site / "dust.py")


def test_links_of_an_installer_are_where_they_stand(lay: Lay, tmp_path: Path) -> None:
    root = lay({"slate.py": "import chalk, ink\n"}, {"slate": "slate.py chalk.py", "ink": "ink/__init__.py"})
    (tmp_path / "cache/ink").mkdir(parents=True)
    (tmp_path / "cache/chalk.py").write_text("K = 3\n")
    (tmp_path / "cache/ink/__init__.py").write_text("K = 3\n")
    (root / "chalk.py").symlink_to(tmp_path / "cache/chalk.py")
    (root / "ink").symlink_to(tmp_path / "cache/ink")
    try:
        import_module("slate")
        assert counts(root / "chalk.py")
        assert not counts(root / "ink/__init__.py")
    finally:
        for name in ("chalk", "ink"):
            sys.modules.pop(name, None)


def test_the_same_code_installed_or_not_has_the_same_digest(lay: Lay) -> None:
    lay(SLATE, {})
    import_module("slate")
    before = code_digest("slate")
    for name in ("slate", "chalk"):
        del sys.modules[name]
    lay(SLATE, {"slate": "slate.py chalk.py"}, "site-packages")
    assert "site-packages" in str(import_module("slate").__file__)
    assert code_digest("slate") == before


def test_nothing_of_others_is_imported_by_looking(lay: Lay) -> None:
    lay({"slate.py": "def late():\n    import ink.deep\n"}, {})
    lay({"ink/__init__.py": "raise RuntimeError\n", "ink/deep.py": ""}, {"ink": "ink/__init__.py"}, "site-packages")
    import_module("slate")
    code_digest("slate")
    assert "ink" not in sys.modules


def test_nasflow_and_torch_are_the_environment(lay: Lay) -> None:
    root = lay({"slate.py": "import nasflow.errors\nfrom torch import nn\nimport json.decoder\n"}, {})
    import_module("slate")
    assert code_digest("slate") == digest({"slate": (root / "slate.py").read_text()})
