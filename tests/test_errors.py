"""The tree of exceptions, and the exit status that each stands for."""

from __future__ import annotations

import inspect
import re

import pytest

from nasflow import errors
from nasflow.errors import ConfigError, HeldError, NasflowError, StorageError, UserError

EXCEPTIONS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if kind.__module__ == errors.__name__]


def drawn() -> dict[str, str]:
    """Child and parent, as the drawing at the top of the module has them."""
    found: dict[str, str] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"([│├└─ ]*)(\w+Error)\b", line)
        if match:
            depth = len(match[1]) // 4
            path[depth:] = [match[2]]
            found[match[2]] = path[depth - 1] if depth else "Exception"
    return found


def test_the_drawing_is_the_tree() -> None:
    assert drawn() == {kind.__name__: kind.__bases__[0].__name__ for kind in EXCEPTIONS}


@pytest.mark.parametrize("kind", EXCEPTIONS)
def test_exit_status(kind: type[NasflowError]) -> None:
    expected = 2 if issubclass(kind, UserError) else 3 if kind is HeldError else 1
    assert kind.exit_code == expected
    assert kind.__doc__


def test_config_errors_hold_all_problems_in_order() -> None:
    error = ConfigError(["name is missing.", "seed must be at least 0, not -1."])
    assert error.problems == ("name is missing.", "seed must be at least 0, not -1.")
    assert str(error) == "name is missing.\nseed must be at least 0, not -1."


def test_damage_in_the_store_is_no_mistake_of_the_user() -> None:
    assert issubclass(errors.IntegrityError, StorageError)
    assert not issubclass(StorageError, UserError)


@pytest.mark.parametrize("error", [KeyError("part"), ValueError("no\nnumber."), RecursionError("deep"), TypeError("x")])
def test_damage_names_the_document(error: Exception) -> None:
    with pytest.raises(errors.IntegrityError) as caught, errors.damaged("the plan"):
        raise error
    assert str(caught.value).startswith(f"the plan is missing or damaged ({type(error).__name__}: ")
    assert "\n" not in str(caught.value)
    with pytest.raises(errors.IntegrityError, match=r"damaged \(\[Errno 2\] gone\)\.$"), errors.damaged("the plan"):
        raise FileNotFoundError(2, "gone")


def test_other_errors_are_no_damage() -> None:
    for error in (errors.SearchError("no."), KeyboardInterrupt()):
        with pytest.raises(type(error)), errors.damaged("the plan"):
            raise error
