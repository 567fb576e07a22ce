"""Schedules: recurring runs found again by name, whatever happens on the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from nasflow.errors import ClusterError, UserError
from nasflow.pipelines.cluster.connection import Access, Connection
from nasflow.pipelines.cluster.schedules import Schedules, Wanted
from nasflow.pipelines.cluster.uploading import uploaded
from nasflow.testing.kubeflow import Fault, KubeflowServer

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.fixture
def wanted(connection: Connection, spec: Path) -> Wanted:
    return Wanted("nightly", "pets", uploaded(connection, spec), "0 3 * * *")


@pytest.fixture
def schedules(connection: Connection) -> Schedules:
    return Schedules(connection)


def kept(server: KubeflowServer) -> list[dict[str, Any]]:
    return server.kept("recurring_runs")


def test_a_schedule_is_a_recurring_run_without_overlap_or_catching_up(
    server: KubeflowServer, schedules: Schedules, wanted: Wanted
) -> None:
    schedule, changed = schedules.created(replace(wanted, service_account="nasflow-pipeline"))
    (run,) = kept(server)
    assert changed
    assert run["max_concurrency"] == "1"
    assert run["no_catchup"] is True
    assert run["mode"] == "ENABLE"
    assert run["trigger"] == {"cron_schedule": {"cron": "0 0 3 * * *"}}
    assert run["pipeline_version_reference"]["pipeline_version_id"] == wanted.version.version_id
    assert run["service_account"] == "nasflow-pipeline"
    assert run["experiment_id"] == server.kept("experiments")[0]["experiment_id"]
    assert (schedule.name, schedule.cron, schedule.zone) == ("nightly", "0 3 * * *", "UTC")
    assert schedule.enabled
    assert schedule.until is None


def test_the_same_command_again_changes_nothing(
    server: KubeflowServer, connect: Callable[[], Connection], wanted: Wanted
) -> None:
    first, _ = Schedules(connect()).created(wanted)
    again, changed = Schedules(connect()).created(wanted)
    assert (again, changed) == (first, False)
    assert server.count("POST", "recurringruns") == 1


@pytest.mark.parametrize("kind", ["lost", "time-out", "half-closed", 500, 429])
def test_a_lost_answer_leaves_one(server: KubeflowServer, schedules: Schedules, wanted: Wanted, kind: Any) -> None:
    server.faults.append(Fault(kind, "recurringruns", "POST", times=2))
    schedules.created(wanted)
    assert len(kept(server)) == 1


def test_what_changed_replaces_what_was(server: KubeflowServer, schedules: Schedules, wanted: Wanted) -> None:
    schedules.created(wanted)
    schedule, changed = schedules.created(replace(wanted, cron="0 4 * * *"))
    (run,) = kept(server)
    assert changed
    assert run["trigger"]["cron_schedule"]["cron"] == "0 0 4 * * *"
    assert schedule.cron == "0 4 * * *"


def test_a_command_that_is_cut_off_leaves_no_gap_and_is_finished_by_the_next(
    server: KubeflowServer, schedules: Schedules, wanted: Wanted
) -> None:
    schedules.created(wanted)
    server.faults.append(Fault(403, "recurringruns", "DELETE"))
    with pytest.raises(ClusterError):
        schedules.created(replace(wanted, cron="0 4 * * *"))
    assert len(kept(server)) == 2
    schedules.created(replace(wanted, cron="0 4 * * *"))
    assert [run["trigger"]["cron_schedule"]["cron"] for run in kept(server)] == ["0 0 4 * * *"]


def test_a_zone_with_summer_time_is_laid_out_in_spans(
    server: KubeflowServer, schedules: Schedules, wanted: Wanted
) -> None:
    berlin = replace(wanted, zone="Europe/Berlin")
    schedule, _ = schedules.created(berlin, NOW)
    runs = kept(server)
    assert [run["trigger"]["cron_schedule"]["cron"] for run in runs[:2]] == ["0 0 2 * * *", "0 0 1 * * *"]
    assert runs[0]["trigger"]["cron_schedule"]["end_time"] == "2027-03-28T00:59:59+00:00"
    assert runs[1]["trigger"]["cron_schedule"]["start_time"] == "2027-03-28T00:59:59+00:00"
    assert len({run["display_name"] for run in runs}) == len(runs) == len(schedule.parts)
    assert schedule.until is not None
    assert [each.name for each in schedules.all()] == ["nightly"]


def test_later_the_same_command_keeps_the_spans_and_goes_further(
    server: KubeflowServer, schedules: Schedules, wanted: Wanted
) -> None:
    berlin = replace(wanted, zone="Europe/Berlin")
    first, _ = schedules.created(berlin, NOW)
    kept_ids = {part.id for part in first.parts[1:]}
    later, changed = schedules.created(berlin, datetime(2027, 7, 1, tzinfo=UTC))
    assert changed
    assert kept_ids <= {part.id for part in later.parts}
    assert first.parts[0].id not in {part.id for part in later.parts}  # it was over
    assert later.until is not None
    assert first.until is not None
    assert later.until > first.until


def test_pausing_and_resuming_are_safe_to_repeat(server: KubeflowServer, schedules: Schedules, wanted: Wanted) -> None:
    schedules.created(wanted)
    server.faults.append(Fault("lost", ":disable"))
    for _ in range(2):
        assert not schedules.pause("nightly").enabled
    assert kept(server)[0]["mode"] == "DISABLE"
    for _ in range(2):
        assert schedules.resume("nightly").enabled
    assert server.count("POST", ":enable") == 1


def test_a_paused_schedule_stays_paused_when_it_is_changed(
    server: KubeflowServer, schedules: Schedules, wanted: Wanted
) -> None:
    schedules.created(wanted)
    schedules.pause("nightly")
    schedule, _ = schedules.created(replace(wanted, cron="0 5 * * *"))
    assert not schedule.enabled
    assert [run["mode"] for run in kept(server)] == ["DISABLE"]


def test_spans_that_are_over_are_not_resumed(server: KubeflowServer, schedules: Schedules, wanted: Wanted) -> None:
    past = datetime(2020, 11, 24, tzinfo=UTC)
    schedule, _ = schedules.created(replace(wanted, zone="Europe/Berlin"), past)
    schedules.pause("nightly")
    ends = {part.id: part.end for part in schedule.parts}
    schedules.resume("nightly")
    for run in kept(server):
        end = ends[run["recurring_run_id"]]
        assert (run["mode"] == "ENABLE") == (end is None or end > datetime.now(UTC))


def test_deleting_is_safe_to_repeat(server: KubeflowServer, schedules: Schedules, wanted: Wanted) -> None:
    schedules.created(replace(wanted, zone="Europe/Berlin"), NOW)
    server.faults.append(Fault("lost", "recurringruns", "DELETE"))
    assert schedules.delete("nightly")
    assert kept(server) == []
    assert not schedules.delete("nightly")


def test_the_recurring_runs_of_others_are_left_alone(
    server: KubeflowServer, schedules: Schedules, wanted: Wanted
) -> None:
    schedules.created(wanted)
    for description in ("nightly", "nasflow schedule | odd", ""):
        server.state.create("recurring_runs", "recurring_run_id", {"display_name": "n", "description": description}, ())
    assert [schedule.name for schedule in schedules.all()] == ["nightly"]
    schedules.delete("nightly")
    assert len(kept(server)) == 3


def test_an_unknown_name_is_answered_with_the_known_ones(schedules: Schedules, wanted: Wanted) -> None:
    with pytest.raises(UserError, match=r"no schedule 'nightly' at .*; there is none\."):
        schedules.pause("nightly")
    schedules.created(wanted)
    with pytest.raises(UserError, match=r"there are nightly\. Did you mean 'nightly'\?"):
        schedules.resume("nightli")


@pytest.mark.parametrize("name", ["", " ", "a|b", "a" * 81, "a\nb"])
def test_a_name_that_cannot_be_found_again_is_refused(
    server: KubeflowServer, schedules: Schedules, wanted: Wanted, name: str
) -> None:
    with pytest.raises(UserError, match="is no name of a schedule"):
        schedules.created(replace(wanted, name=name))
    assert kept(server) == []


def test_a_slip_in_the_expression_leaves_nothing_behind(
    server: KubeflowServer, schedules: Schedules, wanted: Wanted
) -> None:
    for changes in ({"cron": "0 25 * * *"}, {"zone": "Mars/Base"}, {"cron": "0 3 1 * *", "zone": "Asia/Tokyo"}):
        with pytest.raises(UserError):
            schedules.created(replace(wanted, **changes))
    assert kept(server) == []


def test_many_users_have_their_own(spec: Path) -> None:
    with KubeflowServer(multi_user=True) as server:
        for name in ("alice", "bob"):
            connection = Connection(Access(host=server.url, namespace=name, patience=1.0))
            Schedules(connection).created(Wanted("nightly", "pets", uploaded(connection, spec), "@daily"))
        assert len(kept(server)) == 2
