"""A stranger's package of parts, installed for a test."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nasflow import plugins

PARTS = '''
from pydantic import Field, model_validator
from nasflow.config import Options

class ToyOptions(Options):
    """Options of a strategy."""

    pool: int = Field(default=8, ge=2, le=64)
    """How many are kept."""

    drawn: int = 2
    mode: str = "calm"
    rates: list[float] = [0.5]

    @model_validator(mode="after")
    def _fits(self):
        if self.drawn > self.pool:
            raise ValueError(f"drawn must be at most pool ({self.pool}), not {self.drawn}")
        return self

class ToyStrategy:
    Options = ToyOptions

class NoOptions:
    pass
'''
ENTRIES = """[nasflow.strategies]
toy = toyparts:ToyStrategy
bare = toyparts:NoOptions
torn = toyparts:Missing
"""


@pytest.fixture
def toy_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install strategies `toy`, `bare` (without options) and `torn` (cannot be imported)."""
    site = tmp_path / "site"
    info = site / "toyparts-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "toyparts.py").write_text(PARTS)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toyparts\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRIES)
    monkeypatch.syspath_prepend(str(site))
    forget()
    yield
    sys.modules.pop("toyparts", None)
    forget()


def forget() -> None:
    """Forget what plugins were found."""
    plugins._entries.cache_clear()
    plugins.load.cache_clear()
