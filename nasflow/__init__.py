"""nasflow: neural architecture search as a Kubeflow pipeline.

`search` runs a whole search in this process and `load` fetches a registered model; `family` and `choose` make a search
space of an ordinary module. All are imported on first use, so that importing nasflow costs next to nothing.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nasflow.api import LoadedModel, SearchOutcome, load, search
    from nasflow.config import SearchConfig
    from nasflow.errors import NasflowError
    from nasflow.families.module.choosing import choose
    from nasflow.families.module.space import family

__version__ = version("nasflow")
__all__ = ["LoadedModel", "NasflowError", "SearchConfig", "SearchOutcome", "choose", "family", "load", "search"]

_HOMES = {
    "LoadedModel": "nasflow.api",
    "NasflowError": "nasflow.errors",
    "SearchConfig": "nasflow.config",
    "SearchOutcome": "nasflow.api",
    "choose": "nasflow.families.module.choosing",
    "family": "nasflow.families.module.space",
    "load": "nasflow.api",
    "search": "nasflow.api",
}


def __getattr__(name: str) -> Any:
    """Import a public name from its home on first use."""
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'nasflow' has no attribute '{name}'")
