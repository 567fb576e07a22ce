"""The code behind a network, as a digest."""

from __future__ import annotations

import ast
import functools
import importlib.util
import sys
from collections import defaultdict
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path

from nasflow.errors import PluginError
from nasflow.ids import digest

_ENVIRONMENT = sys.stdlib_module_names | {"nasflow", "torch"}
_INSTALLED = ("site-packages", "dist-packages")


def code_digest(module: str) -> str:
    """Return a digest of a module's source and of all modules of its own that it imports, directly or not.

    Its own are those of its package and of its distribution, those beside it, and those that are not installed as part
    of another distribution, such as what is found through `PYTHONPATH` or an editable installation. Any change of their
    text counts. Other packages do not count: what they are is the environment's business.

    Args:
        module: Name of a module that has been imported.

    Raises:
        PluginError: Its source cannot be read.
    """
    sources: dict[str, str] = {}
    own = {_top(module): True}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in sources or not _is_own(name, module, own):
            continue
        path = _path(name)
        if path is None:
            continue
        sources[name] = path.read_text(encoding="utf-8")
        waiting += _imported(name, path, sources[name])
    if module not in sources:
        raise PluginError(
            f"the source code of module '{module}' cannot be read; a family must stand in a file, since a digest of "
            f"its code goes into every result."
        )
    return digest(sources)


def _path(name: str) -> Path | None:
    """Return the file of a module, or None where there is no such module or no file."""
    loaded = getattr(sys.modules.get(name), "__file__", None)
    if loaded is None:
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError, AttributeError):  # no package, or a name inside a module
            return None
        loaded = spec.origin if spec is not None and spec.has_location else None
    path = Path(loaded) if loaded else None
    return path if path is not None and path.suffix == ".py" and path.is_file() else None


def _is_own(name: str, family: str, known: dict[str, bool]) -> bool:
    """Whether a module is the family's own, as `code_digest` means it; told by its top-level package, and kept."""
    top = _top(name)
    if top not in known:
        known[top] = top not in _ENVIRONMENT and _belongs(_place(top), _place(_top(family)))
    return known[top]


def _belongs(place: Path | None, home: Path | None) -> bool:
    if place is None:
        return False
    owners = _owners(place.parent).get(place.name, frozenset())
    if home is not None and place.parent == home.parent:
        return not owners or bool(owners & _owners(home.parent).get(home.name, frozenset()))
    return not owners and place.parent.name not in _INSTALLED


def _place(top: str) -> Path | None:
    """Return the file or the folder of a top-level module, or None where it has none. Nothing is imported."""
    loaded = sys.modules.get(top)
    try:
        spec = getattr(loaded, "__spec__", None) or importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    folders = list(spec.submodule_search_locations or ())
    found = folders[0] if folders else spec.origin if spec.has_location else None
    # Installers may link files to a cache of theirs: where a link stands counts, not where it leads.
    return Path(found).parent.resolve() / Path(found).name if found else None


@functools.cache
def _owners(folder: Path) -> dict[str, frozenset[int]]:
    """Return which distributions, by number, have put each file and folder into a folder, as they record it."""
    owners: dict[str, set[int]] = defaultdict(set)
    for number, distribution in enumerate(distributions(path=[str(folder)])):
        for line in (distribution.read_text("RECORD") or "").splitlines():
            owners[line.partition(",")[0].partition("/")[0]].add(number)
    return {name: frozenset(numbers) for name, numbers in owners.items()}


def _top(name: str) -> str:
    return name.partition(".")[0]


def _imported(name: str, path: Path, source: str) -> Iterator[str]:
    """Yield the names that a module imports, whether modules or not."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.rsplit(".", node.level - 1)[0] if package else ""
                base = f"{above}.{base}" if base else above
            found = [base, *(f"{base}.{alias.name}" for alias in node.names)]
        else:
            continue
        yield from (other for other in found if other and other != name)
