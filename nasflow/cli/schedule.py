"""`nasflow schedule`: searches at set times on a cluster."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from nasflow.cli.arguments import (
    AllowTag,
    CaFile,
    Config,
    DeviceKind,
    Host,
    Image,
    Namespace,
    PodStore,
    ServiceAccount,
    TokenFile,
)
from nasflow.cli.console import display, say
from nasflow.cli.failing import guarded

app = typer.Typer(
    help="Run searches at set times on Kubeflow Pipelines.",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The schedule's name.", show_default=False)]


def create(
    config: Config,
    cron: Annotated[
        str,
        typer.Option(
            "--cron",
            metavar="FIELDS",
            help="When: minute hour day month weekday, as in '0 3 * * 1'; or @daily, @weekly …",
            show_default=False,
        ),
    ],
    *,
    time_zone: Annotated[
        str, typer.Option("--time-zone", metavar="ZONE", help="Zone that the times are meant in, as in Europe/Berlin.")
    ] = "UTC",
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="NAME", help="Name; by default that of the search.", show_default=False),
    ] = None,
    server_time_zone: Annotated[
        str,
        typer.Option(
            "--server-time-zone",
            metavar="ZONE",
            envvar="NASFLOW_SERVER_TIME_ZONE",
            help="Zone that the installation reads times in: its CRON_SCHEDULE_TIMEZONE.",
        ),
    ] = "UTC",
    image: Image = None,
    allow_tag: AllowTag = False,
    store: PodStore = None,
    device_kind: DeviceKind = None,
    service_account: ServiceAccount = None,
    host: Host = None,
    namespace: Namespace = None,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
) -> None:
    """Make a schedule, or change the one of this name; a paused one stays so.

    No run begins while the one before is under way, and times missed while the cluster was away are not made up for.
    """
    from nasflow.cli.remote import Compiling, Submission
    from nasflow.pipelines.cluster.connection import Access
    from nasflow.pipelines.cluster.cron import Cron, next_time, zone_named
    from nasflow.pipelines.cluster.schedules import Schedules, Wanted

    when, _ = Cron.parse(cron), zone_named(time_zone)  # before anything is uploaded
    compiling = Compiling(image, device_kind, allow_tag, store)
    submission = Submission(config, Access(host, namespace, token_file, ca_file), compiling)
    wanted = Wanted(
        name or submission.search.name,
        submission.search.name,
        submission.version,
        cron,
        time_zone,
        server_time_zone,
        service_account,
    )
    schedule, changed = Schedules(submission.connection).created(wanted)
    for note in submission.notes:
        say(note)
    say(f"Schedule {schedule.name} is {'set' if changed else 'there already, unchanged'}: '{cron}' in {time_zone}.")
    following = next_time(when, time_zone, datetime.now(UTC))
    if not schedule.enabled:
        say(f"It is paused; 'nasflow schedule resume {schedule.name}' lets it run.")
    elif following is None:
        say("It never happens: there is no such day.")
    else:
        say(f"Next: {following:%a %Y-%m-%d %H:%M %Z}.")
    if schedule.until is not None:
        say(
            f"Clocks are changed in {time_zone}, so it is laid out until {schedule.until:%Y-%m-%d}; the same command "
            f"again, before that, goes further."
        )


def list_schedules(
    *,
    host: Host = None,
    namespace: Namespace = None,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
) -> None:
    """List the schedules."""
    from nasflow.cli.tables import schedules
    from nasflow.cli.views import ScheduleRow
    from nasflow.pipelines.cluster.connection import Access, Connection
    from nasflow.pipelines.cluster.cron import Cron, next_time
    from nasflow.pipelines.cluster.schedules import Schedules

    now, rows = datetime.now(UTC), []
    for each in Schedules(Connection(Access(host, namespace, token_file, ca_file))).all():
        following = next_time(Cron.parse(each.cron), each.zone, now) if each.enabled else None
        shown = f"{following:%Y-%m-%d %H:%M}" if following else "–"
        until = f"{each.until:%Y-%m-%d}" if each.until else ""
        rows.append(ScheduleRow(each.name, each.cron, each.zone, enabled=each.enabled, following=shown, until=until))
    display(schedules(rows))


def pause(
    name: Name,
    *,
    host: Host = None,
    namespace: Namespace = None,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
) -> None:
    """Start no more runs; those under way go on."""
    from nasflow.pipelines.cluster.connection import Access, Connection
    from nasflow.pipelines.cluster.schedules import Schedules

    Schedules(Connection(Access(host, namespace, token_file, ca_file))).pause(name)
    say(f"Schedule {name} is paused.")


def resume(
    name: Name,
    *,
    host: Host = None,
    namespace: Namespace = None,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
) -> None:
    """Start runs again.

    Of the times missed meanwhile, Kubeflow Pipelines makes up for the last one.
    """
    from nasflow.pipelines.cluster.connection import Access, Connection
    from nasflow.pipelines.cluster.schedules import Schedules

    Schedules(Connection(Access(host, namespace, token_file, ca_file))).resume(name)
    say(f"Schedule {name} runs.")


def delete(
    name: Name,
    *,
    host: Host = None,
    namespace: Namespace = None,
    token_file: TokenFile = None,
    ca_file: CaFile = None,
) -> None:
    """Remove a schedule; its runs, and what they found, stay."""
    from nasflow.pipelines.cluster.connection import Access, Connection
    from nasflow.pipelines.cluster.schedules import Schedules

    found = Schedules(Connection(Access(host, namespace, token_file, ca_file))).delete(name)
    say(f"Schedule {name} is deleted." if found else f"There is no schedule {name} (any more).")


for _name, _command in (
    ("create", create),
    ("list", list_schedules),
    ("pause", pause),
    ("resume", resume),
    ("delete", delete),
):
    app.command(_name)(guarded(_command))
