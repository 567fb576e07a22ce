"""What comes of a test of what a search needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nasflow.errors import NasflowError


@dataclass(frozen=True)
class Finding:
    """What came of one test.

    Attributes:
        what: Was tested.
        said: What was found, or what to do.
        well: True, False, or None where it was not tested.
    """

    what: str
    said: str
    well: bool | None = True


def found(what: str, test: Callable[[], str]) -> Finding:
    """Return what came of a test: what it returns where it is well, the sentence of its error where it is not."""
    try:
        return Finding(what, test())
    except NasflowError as error:
        return failed(what, error)


def failed(what: str, error: NasflowError) -> Finding:
    """Return a test that failed, in the words of its error on one line."""
    return Finding(what, " ".join(str(error).split()), well=False)
