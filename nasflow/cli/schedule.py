"""`nasflow schedule`: searches at set times on a cluster."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from nasflow.cli.arguments import Config, ServiceAccount
from nasflow.cli.console import display, remark, say
from nasflow.cli.failing import guarded
from nasflow.cli.options import Compiling, access_options, compile_options, taking

if TYPE_CHECKING:
    from nasflow.pipelines.cluster.connection import Access
    from nasflow.pipelines.cluster.schedules import Schedule, Schedules

app = typer.Typer(
    help="Run searches and refreshes at set times on Kubeflow Pipelines.",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The schedule's name.", show_default=False)]

Cron = Annotated[
    str,
    typer.Option(
        "--cron",
        metavar="FIELDS",
        help="When: minute hour day month weekday, as in '0 3 * * 1'; or @daily, @weekly …",
        show_default=False,
    ),
]

TimeZone = Annotated[
    str, typer.Option("--time-zone", metavar="ZONE", help="Zone that the times are meant in, as in Europe/Berlin.")
]

ServerTimeZone = Annotated[
    str,
    typer.Option(
        "--server-time-zone",
        metavar="ZONE",
        envvar="NASFLOW_SERVER_TIME_ZONE",
        help="Zone that the installation reads times in: its CRON_SCHEDULE_TIMEZONE.",
    ),
]

ScheduleName = Annotated[
    str | None,
    typer.Option("--name", metavar="NAME", help="Name; by default that of the search or refresh.", show_default=False),
]


@taking(compiling=compile_options, access=access_options)
def create(
    config: Config,
    cron: Cron,
    *,
    time_zone: TimeZone = "UTC",
    name: ScheduleName = None,
    server_time_zone: ServerTimeZone = "UTC",
    service_account: ServiceAccount = None,
    compiling: Compiling,
    access: Access,
) -> None:
    """Make a schedule, or change the one of this name; a paused one stays so.

    No run begins while the one before is under way, and times missed while the cluster was away are not made up for.
    """
    from nasflow.cli.remote import Submission
    from nasflow.pipelines.cluster import cron as times
    from nasflow.pipelines.cluster.schedules import Schedules, Wanted

    times.Cron.parse(cron), times.zone_named(time_zone)  # before anything is uploaded
    submission = Submission(config, access, compiling)
    search = submission.search.name
    usual = f"{search}-refresh" if compiling.refresh else search
    wanted = Wanted(name or usual, search, submission.version, cron, time_zone, server_time_zone, service_account)
    schedule, changed = Schedules(submission.connection).created(wanted)
    for note in submission.notes:
        remark(note)
    for line in _told(schedule, changed=changed):
        say(line)


def _told(schedule: Schedule, *, changed: bool) -> list[str]:
    """Return what there is to say of a schedule that was just made."""
    from nasflow.pipelines.cluster.cron import Cron, next_time

    is_there = "set" if changed else "there already, unchanged"
    lines = [f"Schedule {schedule.name} is {is_there}: '{schedule.cron}' in {schedule.zone}."]
    following = next_time(Cron.parse(schedule.cron), schedule.zone, datetime.now(UTC))
    if not schedule.enabled:
        lines.append(f"It is paused; 'nasflow schedule resume {schedule.name}' lets it run.")
    elif following is None:
        lines.append("It never happens: there is no such day.")
    else:
        lines.append(f"Next: {following:%a %Y-%m-%d %H:%M %Z}.")
    if schedule.until is not None:
        lines.append(
            f"Clocks are changed in {schedule.zone}, so it is laid out until {schedule.until:%Y-%m-%d}; the same "
            f"command again, before that, goes further."
        )
    return lines


@taking(access=access_options)
def list_schedules(*, access: Access) -> None:
    """List the schedules."""
    from nasflow.cli.tables import schedules
    from nasflow.cli.views import ScheduleRow
    from nasflow.pipelines.cluster.cron import Cron, next_time

    now, rows = datetime.now(UTC), []
    for each in _schedules(access).all():
        following = next_time(Cron.parse(each.cron), each.zone, now) if each.enabled else None
        shown = f"{following:%Y-%m-%d %H:%M}" if following else "–"
        until = f"{each.until:%Y-%m-%d}" if each.until else ""
        rows.append(ScheduleRow(each.name, each.cron, each.zone, enabled=each.enabled, following=shown, until=until))
    display(schedules(rows))


@taking(access=access_options)
def pause(name: Name, *, access: Access) -> None:
    """Start no more runs; those under way go on."""
    _schedules(access).pause(name)
    say(f"Schedule {name} is paused.")


@taking(access=access_options)
def resume(name: Name, *, access: Access) -> None:
    """Start runs again.

    Of the times missed meanwhile, Kubeflow Pipelines makes up for the last one.
    """
    _schedules(access).resume(name)
    say(f"Schedule {name} runs.")


@taking(access=access_options)
def delete(name: Name, *, access: Access) -> None:
    """Remove a schedule; its runs, and what they found, stay."""
    found = _schedules(access).delete(name)
    say(f"Schedule {name} is deleted." if found else f"There is no schedule {name} (any more).")


def _schedules(access: Access) -> Schedules:
    from nasflow.pipelines.cluster.connection import Connection
    from nasflow.pipelines.cluster.schedules import Schedules

    return Schedules(Connection(access))


_COMMANDS: dict[str, Callable[..., None]] = {
    "create": create,
    "list": list_schedules,
    "pause": pause,
    "resume": resume,
    "delete": delete,
}
for _name, _command in _COMMANDS.items():
    app.command(_name)(guarded(_command))
