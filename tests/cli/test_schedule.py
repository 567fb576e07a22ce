"""`nasflow schedule` against a server that speaks Kubeflow Pipelines' API."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from nasflow.cli.main import app
from nasflow.testing.kubeflow import Fault, KubeflowServer


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, pets: Callable[..., Path]) -> Iterator[KubeflowServer]:
    with KubeflowServer() as running:
        monkeypatch.setenv("KF_PIPELINES_ENDPOINT", running.url)
        monkeypatch.setenv("KF_PIPELINES_PATIENCE", "5")
        monkeypatch.delenv("NASFLOW_SERVER_TIME_ZONE", raising=False)
        yield running


def schedule(*arguments: str) -> Result:
    result = CliRunner().invoke(app, ["schedule", *arguments], env={"COLUMNS": "80"})
    assert "Traceback" not in result.output
    return result


def create(*more: str) -> Result:
    return schedule("create", "pets.yaml", "--device-kind", "cpu-test", "--allow-tag", "--no-check-image", *more)


def test_a_schedule_from_its_making_to_its_end(server: KubeflowServer) -> None:
    assert "There is no schedule yet" in schedule("list").output
    made = create("--cron", "0 3 * * *")
    assert made.exit_code == 0, made.output
    assert "Schedule pets is set: '0 3 * * *' in UTC." in made.output
    assert " 03:00 UTC." in made.output
    assert "there already, unchanged" in create("--cron", "0 3 * * *").output
    assert "runs" in schedule("list").output
    assert schedule("pause", "pets").output == "Schedule pets is paused.\n"
    assert "paused" in schedule("list").output
    assert "It is paused; 'nasflow schedule resume pets'" in create("--cron", "0 3 * * *").output
    assert schedule("resume", "pets").output == "Schedule pets runs.\n"
    assert schedule("delete", "pets").output == "Schedule pets is deleted.\n"
    assert schedule("delete", "pets").output == "There is no schedule pets (any more).\n"
    assert server.kept("recurring_runs") == []
    assert server.kept("runs") == []


def test_a_schedule_of_another_name_in_a_zone_with_summer_time(server: KubeflowServer) -> None:
    made = create("--cron", "0 3 * * 1", "--time-zone", "Europe/Berlin", "--name", "monday pets")
    assert made.exit_code == 0, made.output
    assert "Schedule monday pets is set" in made.output
    assert "Clocks are changed in Europe/Berlin, so it is laid out until 20" in made.output
    listed = schedule("list").output
    assert "monday pets" in listed
    assert "Europe/Berlin" in listed
    assert "03:00" in listed
    assert "is laid out until 20" in listed
    assert len(server.kept("recurring_runs")) > 5


def test_the_refresh_has_a_schedule_of_its_own(server: KubeflowServer) -> None:
    for more in ([], ["--refresh"]):
        assert create("--cron", "@daily", *more).exit_code == 0
    made = {
        run["display_name"]: run["pipeline_version_reference"]["pipeline_id"] for run in server.kept("recurring_runs")
    }
    assert len(set(made.values())) == 2
    assert sorted(pipeline["display_name"] for pipeline in server.kept("pipelines")) == [
        "nasflow-pets",
        "nasflow-pets-refresh",
    ]
    assert "Schedule pets-refresh is there already" in create("--cron", "@daily", "--refresh").output


def test_an_installation_in_the_same_zone_needs_one_recurring_run(server: KubeflowServer) -> None:
    create("--cron", "0 3 1 * *", "--time-zone", "Europe/Berlin", "--server-time-zone", "Europe/Berlin")
    (run,) = server.kept("recurring_runs")
    assert run["trigger"]["cron_schedule"]["cron"] == "0 0 3 1 * *"


@pytest.mark.parametrize(
    "more",
    [
        ["--cron", "0 25 * * *"],
        ["--cron", "0 3 * *"],
        ["--cron", "0 3 * * *", "--time-zone", "Europe/Berlni"],
        ["--cron", "0 3 * * *", "--server-time-zone", "Europe/Berlni"],
        ["--cron", "0 3 * * *", "--name", "a|b"],
        [],
    ],
)
def test_a_slip_is_status_2_and_makes_nothing(server: KubeflowServer, more: list[str]) -> None:
    assert create(*more).exit_code == 2
    assert server.kept("recurring_runs") == []


def test_a_day_that_never_comes_is_told(server: KubeflowServer) -> None:
    assert "It never happens" in create("--cron", "0 3 31 2 *").output


@pytest.mark.parametrize("kind", ["lost", "half-closed", 500, 429])
@pytest.mark.parametrize("path", ["recurringruns$", "experiments$", "upload_version"])
def test_a_fault_on_the_way_leaves_one_of_each(server: KubeflowServer, kind: Any, path: str) -> None:
    server.faults.append(Fault(kind, path, "POST"))
    assert create("--cron", "@daily").exit_code == 0
    for each in ("recurring_runs", "experiments", "pipelines", "pipeline_versions"):
        assert len(server.kept(each)) == 1


def test_an_unknown_schedule_is_answered_with_the_known_ones(server: KubeflowServer) -> None:
    create("--cron", "@daily")
    for command in ("pause", "resume"):
        result = schedule(command, "pet")
        assert result.exit_code == 2
        assert "there are pets. Did you mean 'pets'?" in result.stderr


@pytest.mark.parametrize(("kind", "said"), [(401, "asks who you are"), (403, "does not allow you to list")])
def test_what_is_not_allowed_is_told(server: KubeflowServer, kind: int, said: str) -> None:
    server.faults.append(Fault(kind, "recurringruns", times=-1))
    for arguments in (["list"], ["pause", "pets"], ["resume", "pets"], ["delete", "pets"]):
        result = schedule(*arguments)
        assert result.exit_code == 1
        assert said in result.stderr


def test_a_store_that_no_two_pods_share_is_no_schedule(server: KubeflowServer, pets: Callable[..., Path]) -> None:
    pets(storage={"url": "nasflow-store"})
    result = create("--cron", "@daily")
    assert (result.exit_code, "no two pods share one" in result.stderr) == (2, True)
    assert server.asked == []


def test_notes_are_not_what_was_asked_for(server: KubeflowServer, pets: Callable[..., Path]) -> None:
    pets(resources={}, storage={"url": "s3://bucket"})
    result = create("--cron", "@daily")
    assert "LimitRange" in result.stderr
    assert "LimitRange" not in result.stdout
