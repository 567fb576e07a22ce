"""What all sections share."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from nasflow.config import Named, Options, ParallelismConfig, Section, TrainingConfig


def test_sections_are_frozen() -> None:
    section = ParallelismConfig()
    with pytest.raises(ValidationError):
        section.threads = 3  # type: ignore[misc]


def test_unknown_keys_are_refused() -> None:
    with pytest.raises(ValidationError, match="extra_forbidden"):
        ParallelismConfig.model_validate({"thread": 1})


@pytest.mark.parametrize("name", ["round_size", "workers", "threads"])
def test_truth_is_no_number(name: str) -> None:
    with pytest.raises(ValidationError, match="must be a number"):
        ParallelismConfig.model_validate({name: True})


def test_truth_stays_truth_where_it_is_wanted() -> None:
    assert TrainingConfig.model_validate({"augment": {"flip": True}}).augment.flip is True

    class Either(Options):
        """Takes both."""

        value: int | bool = 0

    assert Either(value=True).value is True


def test_docstrings_of_fields_are_descriptions() -> None:
    assert "Passes" not in (ParallelismConfig.model_fields["threads"].description or "")
    assert (ParallelismConfig.model_fields["threads"].description or "").startswith("CPU threads of one trial")


def test_a_bare_name_is_enough() -> None:
    assert Named.model_validate("random") == Named(name="random", options={})
    assert issubclass(Named, Section)
