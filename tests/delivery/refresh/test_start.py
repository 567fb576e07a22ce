"""How things stood when a refresh began, as it is kept."""

from __future__ import annotations

import pytest

from nasflow.delivery.refresh.drift import Drift
from nasflow.delivery.refresh.start import Start
from nasflow.delivery.statistics import wilson
from nasflow.errors import IntegrityError
from nasflow.testing.rigged import rigged

DRIFT = Drift("accuracy", "maximize", wilson(27, 270), wilson(260, 270), 270)
START = Start("pets", 3, "old", "new", "search", DRIFT, (rigged("good"), rigged("good", 16)), 12.5)
FIRST = Start("pets", None, "", "new", "search", None, (), 12.5)


@pytest.mark.parametrize("start", [START, FIRST])
def test_it_is_read_back_as_it_was_written(start: Start) -> None:
    assert Start.from_json(start.to_json()) == start


def test_it_says_what_has_changed() -> None:
    assert START.sentence().startswith(
        "The data have changed since version 3, the champion, was trained. Version 3 has"
    )
    assert FIRST.sentence() == "'pets' has no champion yet."


@pytest.mark.parametrize("change", [{"schema_version": 2}, {"more": 1}, {"drift": {"then": None}}])
def test_what_is_damaged_is_an_error(change: dict[str, object]) -> None:
    with pytest.raises(IntegrityError):
        Start.from_json(START.to_json() | change)
    with pytest.raises(IntegrityError):
        Start.from_json({})
