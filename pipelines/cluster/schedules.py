"""Schedules of searches: recurring runs, found again by name.

A schedule is one recurring run of Kubeflow Pipelines, or, where its time zone needs that, one for each span between two
changes of the clocks. Its name, expression and zone are in the description of each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from nasflow.errors import UserError
from nasflow.ids import digest
from nasflow.pipelines.cluster.connection import Connection, filtered
from nasflow.pipelines.cluster.cron import Cron, Span, spans
from nasflow.pipelines.cluster.runs import Runs
from nasflow.pipelines.cluster.uploading import Version
from nasflow.plugins import nearest

_MARK = "nasflow schedule"
_DIGITS = 8


@dataclass(frozen=True)
class Wanted:
    """A schedule as it is asked for.

    Attributes:
        name: Of the schedule.
        search: Name of the search, whose experiment the runs are in.
        version: What runs.
        cron: When: five fields, or a word such as `@daily`.
        zone: Name of the time zone that it is meant in.
        installation: Name of the time zone that the installation reads expressions in.
        service_account: Of the pods; by default the installation's.
    """

    name: str
    search: str
    version: Version
    cron: str
    zone: str = "UTC"
    installation: str = "UTC"
    service_account: str | None = None

    def description(self) -> str:
        """Return what each of its recurring runs is described by."""
        return " | ".join((_MARK, self.name, " ".join(self.cron.split()), self.zone))

    def part_name(self, span: Span) -> str:
        """Return the name of a span's recurring run: the same for the same work at the same times."""
        until = f" until {span.end:%Y-%m-%d}" if span.end else ""
        end = span.end.isoformat() if span.end else ""
        work = [self.version.version_id, span.cron, end, self.service_account or "", self.description()]
        return f"{self.name}{until} {digest(work)[:_DIGITS]}"


@dataclass(frozen=True)
class Part:
    """A recurring run of a schedule.

    Attributes:
        id: Of the recurring run.
        name: As it is shown.
        enabled: Whether it starts runs.
        end: When it ends, or None.
    """

    id: str
    name: str
    enabled: bool
    end: datetime | None = None


@dataclass(frozen=True)
class Schedule:
    """A schedule that is there.

    Attributes:
        name: Of the schedule.
        cron: As the user wrote it.
        zone: Name of its time zone.
        parts: Its recurring runs.
    """

    name: str
    cron: str
    zone: str
    parts: tuple[Part, ...] = field(default=())

    @property
    def enabled(self) -> bool:
        """Whether it starts runs."""
        return any(part.enabled for part in self.parts)

    @property
    def until(self) -> datetime | None:
        """When its last recurring run ends, or None for never."""
        ends = [part.end for part in self.parts]
        return None if None in ends else max((end for end in ends if end), default=None)


class Schedules:
    """The schedules in the user's part of Kubeflow Pipelines.

    Args:
        connection: Kubeflow Pipelines.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self) -> list[Schedule]:
        """Return every schedule, by name.

        Raises:
            ClusterError: Kubeflow Pipelines cannot be used.
        """
        found: dict[str, Schedule] = {}
        for document in self._documents():
            _, name, cron, zone = document.description.split(" | ")
            known = found.get(name, Schedule(name, cron, zone))
            found[name] = Schedule(name, cron, zone, (*known.parts, _part(document)))
        return [found[name] for name in sorted(found)]

    def find(self, name: str) -> Schedule:
        """Return a schedule by its name.

        Raises:
            UserError: There is none.
        """
        every = self.all()
        for schedule in every:
            if schedule.name == name:
                return schedule
        names = [schedule.name for schedule in every]
        known = f"there are {', '.join(names)}.{nearest(name, names)}" if names else "there is none."
        raise UserError(f"there is no schedule '{name}' at {self._connection.where}; {known}")

    def created(self, wanted: Wanted, now: datetime | None = None) -> tuple[Schedule, bool]:
        """Make a schedule, or make the one of its name what is wanted; return it, and whether anything changed.

        What is new is made before what is old goes, so that a command that is cut off leaves no gap, and its repetition
        finishes. A schedule that is paused stays so.

        Args:
            wanted: The schedule.
            now: The present, by default the clock's.

        Raises:
            UserError: It cannot be laid out, or its name cannot be used.
            ClusterError: Kubeflow Pipelines cannot be used.
        """
        _check_name(wanted.name)
        laid = spans(Cron.parse(wanted.cron), wanted.zone, wanted.installation, now or datetime.now(UTC))
        before = next((each for each in self.all() if each.name == wanted.name), None)
        there = {part.name: part for part in before.parts} if before else {}
        names = {wanted.part_name(span): span for span in laid}
        new = {name: span for name, span in names.items() if name not in there}
        old = [part for name, part in there.items() if name not in names]
        if new:
            experiment = Runs(self._connection, wanted.search).experiment()
            for name, span in new.items():
                self._make(wanted, experiment, name, span, enabled=before is None or before.enabled)
        self._remove(old)
        return self.find(wanted.name), bool(new or old)

    def pause(self, name: str) -> Schedule:
        """Let a schedule start no more runs; those under way go on."""
        return self._switch(name, on=False)

    def resume(self, name: str) -> Schedule:
        """Let a paused schedule start runs again."""
        return self._switch(name, on=True)

    def delete(self, name: str) -> bool:
        """Remove a schedule; return whether it was there. Its runs stay."""
        schedule = next((each for each in self.all() if each.name == name), None)
        self._remove(schedule.parts if schedule else ())
        return schedule is not None

    def _switch(self, name: str, *, on: bool) -> Schedule:
        client, now = self._connection.client, datetime.now(UTC)
        change = client.enable_recurring_run if on else client.disable_recurring_run
        for part in self.find(name).parts:
            if part.enabled != on and not (on and part.end is not None and part.end < now):
                self._connection.call(f"{'resume' if on else 'pause'} the schedule", change, part.id)
        return self.find(name)

    def _remove(self, parts: Sequence[Part]) -> None:
        for part in parts:
            self._connection.gone("delete the schedule", self._connection.client.delete_recurring_run, part.id)

    def _make(self, wanted: Wanted, experiment: str, name: str, span: Span, *, enabled: bool) -> None:
        service, models = self._connection.client.recurring_runs, self._connection.client.api_models
        cron = models.V2beta1CronSchedule(cron=span.cron, start_time=span.start, end_time=span.end)
        body = models.V2beta1RecurringRun(
            display_name=name,
            description=wanted.description(),
            experiment_id=experiment,
            pipeline_version_reference=models.V2beta1PipelineVersionReference(
                pipeline_id=wanted.version.pipeline_id, pipeline_version_id=wanted.version.version_id
            ),
            runtime_config=models.V2beta1RuntimeConfig(parameters={}),
            service_account=wanted.service_account,
            max_concurrency="1",  # no run begins while one of the same schedule is under way
            no_catchup=True,  # missed times are not made up for, but for the last one
            trigger=models.V2beta1Trigger(cron_schedule=cron),
            mode="ENABLE" if enabled else "DISABLE",
        )

        def find() -> Any:
            found = service.recurring_run_service_list_recurring_runs(
                experiment_id=experiment, filter=filtered("display_name", name)
            )
            return next((each for each in found.recurring_runs or () if each.display_name == name), None)

        def create() -> Any:
            return service.recurring_run_service_create_recurring_run(recurring_run=body)

        self._connection.ensured("make the schedule", find, create)

    def _documents(self) -> Iterator[Any]:
        listed = self._connection.client.recurring_runs.recurring_run_service_list_recurring_runs
        where = {"namespace": self._connection.namespace} if self._connection.namespace else {}
        for each in self._connection.pages("list the schedules", listed, "recurring_runs", **where):
            if (each.description or "").startswith(f"{_MARK} | ") and each.description.count(" | ") == 3:
                yield each


def _part(document: Any) -> Part:
    schedule = document.trigger.cron_schedule if document.trigger else None
    enabled = "ENABLED" in (document.status or "") or (document.status is None and document.mode == "ENABLE")
    return Part(document.recurring_run_id, document.display_name, enabled, schedule.end_time if schedule else None)


def _check_name(name: str) -> None:
    if not name.strip() or "|" in name or len(name) > 80 or not name.isprintable():
        raise UserError(f"--name: '{name}' is no name of a schedule: up to 80 letters, digits and spaces, without '|'.")
