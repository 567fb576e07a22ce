"""The steps of the pipeline, and what each of them uses."""

from __future__ import annotations

from pathlib import Path

import pytest

from nasflow.config.steps import CACHING, REFRESHING, STEPS, STORING, TRACKING, TRAINING, users_of

COMPONENTS = Path(__file__).parents[2] / "components"


def test_there_is_a_step_for_every_component() -> None:
    assert set(STEPS) == {path.parent.name for path in COMPONENTS.glob("*/component.py")}
    assert len(set(STEPS)) == len(STEPS)


def test_every_group_is_of_steps() -> None:
    for group in (TRAINING, STORING, TRACKING, CACHING, REFRESHING):
        assert group <= set(STEPS)


def source(step: str) -> str:
    return (COMPONENTS / step / "component.py").read_text()


def test_the_steps_that_write_to_mlflow_say_so_in_their_components() -> None:
    """`finish` registers, `failure_told` and `open_tracker` write to runs; `look` asks for the champion, and `conclude`
    writes a run of its own; no other step calls any of them.
    """
    words = ("open_tracker", "failure_told", "finish(", "look(", "conclude(")
    assert {step for step in STEPS if any(word in source(step) for word in words)} == TRACKING


def test_the_steps_that_use_the_store_open_it() -> None:
    words = ("opened(", ".store()")
    assert {step for step in STEPS if any(word in source(step) for word in words)} == STORING


def test_the_steps_that_train_call_the_trainers() -> None:
    words = ("train_round(", "run_rounds(", "found = run(plan")
    assert {step for step in STEPS if any(word in source(step) for word in words)} == TRAINING


@pytest.mark.parametrize(
    ("variable", "users"),
    [
        ("AWS_SECRET_ACCESS_KEY", STORING),
        ("AWS_CA_BUNDLE", STORING),
        ("NASFLOW_S3_CREDENTIALS", STORING),
        ("MLFLOW_TRACKING_PASSWORD", TRACKING),
        ("DATABRICKS_TOKEN", TRACKING),
        ("MLFLOW_TRACKING_URI", TRACKING | {"report"}),
        ("HF_TOKEN", None),
        ("NASFLOW_CACHE", None),
        ("MY_AWS_KEY", None),
    ],
)
def test_who_reads_a_variable(variable: str, users: frozenset[str] | None) -> None:
    assert users_of(variable) == users


def test_the_report_shows_the_address_of_mlflow() -> None:
    assert "tracking_target" in (COMPONENTS.parent / "nasflow/delivery/reporting.py").read_text()
