"""The code behind a network, as a digest."""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

from nasflow.errors import PluginError
from nasflow.ids import digest


def code_digest(module: str) -> str:
    """Return a digest of a module's source and of the modules of its own package that it imports, directly or not.

    Any change of the text counts. Other packages do not: what they are is the environment's business.

    Args:
        module: Name of a module that has been imported.

    Raises:
        PluginError: Its source cannot be read.
    """
    sources: dict[str, str] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = _path(name)
        if name in sources or path is None:
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


def _imported(name: str, path: Path, source: str) -> Iterator[str]:
    """Yield the names that a module imports from its own top-level package, whether modules or not."""
    top = name.partition(".")[0]
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
        yield from (other for other in found if other.partition(".")[0] == top and other != name)
