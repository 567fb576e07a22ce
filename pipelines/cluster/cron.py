"""Cron expressions as people write them, in their time zone, as Kubeflow Pipelines takes them.

Kubeflow Pipelines 2.17 reads six fields, seconds first, all in one time zone of the installation
(`CRON_SCHEDULE_TIMEZONE` of its controller ml-pipeline-scheduledworkflow, UTC unless set); an expression cannot name a
zone. So an expression is shifted into that zone, and where clocks are put forward and back, laid out in spans.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import product

from nasflow.errors import UserError
from nasflow.plugins import nearest

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_SHORT = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_YEARS = 5
_DAY = 24 * 60
_LONGEST_PAUSE_DAYS = 8 * 366
_MINUTE_LONG = timedelta(minutes=1)


@dataclass(frozen=True)
class _Field:
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    @property
    def all(self) -> frozenset[int]:
        return frozenset(range(self.low, self.high + 1))

    def parse(self, text: str, whole: str) -> frozenset[int]:
        found: set[int] = set()
        for part in text.lower().split(","):
            span, slash, step = part.partition("/")
            if slash and (not step.isdigit() or int(step) < 1):
                raise UserError(f"cron '{whole}': {self.name} '{part}' has no whole step of 1 or more after '/'.")
            if span in ("*", "?"):
                first, last = self.low, self.high
            else:
                begin, dash, end = span.partition("-")
                first = self._value(begin, whole)
                last = self._value(end, whole) if dash else (self.high if slash else first)
            if last < first:
                raise UserError(f"cron '{whole}': {self.name} '{part}' ends before it begins.")
            found.update(range(first, last + 1, int(step) if slash else 1))
        return frozenset(value % 7 if self.names is _DAYS else value for value in found)

    def _value(self, text: str, whole: str) -> int:
        if text in self.names:
            return self.names.index(text) + self.low
        highest = 7 if self.names is _DAYS else self.high  # Sunday is 0, and 7 too
        if text.isdigit() and self.low <= int(text) <= highest:
            return int(text)
        names = f", or {self.names[0]} to {self.names[-1]}" if self.names else ""
        raise UserError(
            f"cron '{whole}': {self.name} is {self.low} to {self.high}{names}, not '{text}'.{nearest(text, self.names)}"
        )

    def show(self, values: frozenset[int]) -> str:
        if values == self.all:
            return "*"
        ordered = sorted(values)
        if len(ordered) > 2 and ordered[-1] - ordered[0] == len(ordered) - 1:
            return f"{ordered[0]}-{ordered[-1]}"
        return ",".join(map(str, ordered))


_MINUTE, _HOUR = _Field("the minute", 0, 59), _Field("the hour", 0, 23)
_DATE, _MONTH = _Field("the day of the month", 1, 31), _Field("the month", 1, 12, _MONTHS)
_WEEKDAY = _Field("the weekday", 0, 6, _DAYS)
_FIELDS = (_MINUTE, _HOUR, _DATE, _MONTH, _WEEKDAY)


@dataclass(frozen=True)
class Cron:
    """When something happens, to the minute, on a clock of no particular zone.

    Attributes:
        minutes: 0 to 59.
        hours: 0 to 23.
        dates: Days of the month, 1 to 31.
        months: 1 to 12.
        weekdays: 0, Sunday, to 6. Where both these and the dates are restricted, either is enough.
    """

    minutes: frozenset[int]
    hours: frozenset[int]
    dates: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]

    @classmethod
    def parse(cls, text: str) -> Cron:
        """Read `minute hour day month weekday`, or a word such as `@daily`.

        Raises:
            UserError: It is none; the sentence says which field.
        """
        whole = " ".join(text.split())
        fields = _SHORT.get(whole.lower(), whole).split()
        if len(fields) == 6 and fields[0] == "0":
            del fields[0]  # Kubeflow's own way of writing
        if len(fields) != len(_FIELDS):
            raise UserError(
                f"cron '{whole}' has {len(fields)} fields: write five, minute hour day month weekday, as in "
                f"'0 3 * * 1' for Mondays at three; or @hourly, @daily, @weekly, @monthly.{nearest(whole, _SHORT)}"
            )
        return cls(*(field.parse(part, whole) for field, part in zip(_FIELDS, fields, strict=True)))

    def __str__(self) -> str:
        """Return the expression as Kubeflow Pipelines takes it: six fields, seconds first."""
        values = (self.minutes, self.hours, self.dates, self.months, self.weekdays)
        return " ".join(["0", *(field.show(each) for field, each in zip(_FIELDS, values, strict=True))])

    def on(self, day: datetime) -> bool:
        """Whether anything happens on a day."""
        if day.month not in self.months:
            return False
        date, weekday = day.day in self.dates, (day.weekday() + 1) % 7 in self.weekdays
        both = self.dates != _DATE.all and self.weekdays != _WEEKDAY.all
        return date or weekday if both else date and weekday

    def shifted(self, minutes: int, zones: str) -> Cron:
        """Return the expression for a clock that is so many minutes ahead.

        Args:
            minutes: How much that clock is ahead; less than a day either way.
            zones: The two clocks, for the sentence.

        Raises:
            UserError: No single expression says the same on that clock.
        """
        moved = [divmod(60 * hour + minute + minutes, _DAY) for hour, minute in product(self.hours, self.minutes)]
        days, times = {day for day, _ in moved}, {time for _, time in moved}
        daily = (self.dates, self.months, self.weekdays) == (_DATE.all, _MONTH.all, _WEEKDAY.all)
        (day, *more) = sorted(days)
        dated = self.dates != _DATE.all or self.months != _MONTH.all
        if not daily and (more or (day and dated)):
            raise UserError(_inexpressible(str(self), zones, "falls on another day there"))
        hours, rest = frozenset(time // 60 for time in times), frozenset(time % 60 for time in times)
        if len(hours) * len(rest) != len(times):
            raise UserError(_inexpressible(str(self), zones, "has other minutes in other hours there"))
        weekdays = self.weekdays if daily else frozenset((weekday + day) % 7 for weekday in self.weekdays)
        return Cron(rest, hours, self.dates, self.months, weekdays)


@dataclass(frozen=True)
class Span:
    """A part of a schedule.

    Attributes:
        cron: As Kubeflow Pipelines takes it, in the installation's zone.
        start: What is at or before that moment is not its; None for none.
        end: What is after that moment is not its; None for none.
    """

    cron: str
    start: datetime | None = None
    end: datetime | None = None


def zone_named(name: str) -> tzinfo:
    """Return a time zone by its name, as in `Europe/Berlin`.

    Raises:
        UserError: There is none of that name.
    """
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UserError(
            f"--time-zone: there is no time zone '{name}'; write one as in Europe/Berlin or UTC."
            f"{nearest(name, available_timezones())}"
        ) from error


def spans(cron: Cron, zone: str, installation: str, now: datetime) -> list[Span]:
    """Lay a schedule out for an installation whose controller reads all expressions in one time zone.

    Where the two clocks keep their distance it is one span without an end. Elsewhere each span lasts from one change of
    the clocks to the next, for five years. A time that a change leaves out does not happen; one that it repeats happens
    once.

    Args:
        cron: When.
        zone: Name of the zone that it is meant in.
        installation: Name of the zone that the installation reads it in.
        now: The present.

    Raises:
        UserError: A zone is unknown, or the schedule cannot be laid out.
    """
    here, there = zone_named(zone), zone_named(installation)
    zones = f"{zone} instead of {installation}"
    changes = sorted({*_changes(here, now), *_changes(there, now)})
    changes = [each for each in changes if _ahead(here, there, each) != _ahead(here, there, each - _MINUTE_LONG)]
    found: list[Span] = []
    start: datetime | None = None
    ahead = _ahead(here, there, now)
    for moment in [*changes, None]:
        end = moment - timedelta(seconds=1) if moment else None
        expression = str(cron.shifted(ahead, zones))
        if found and found[-1].cron == expression:
            found[-1] = Span(expression, found[-1].start, end)
        else:
            found.append(Span(expression, start, end))
        if moment is not None:
            ahead = _ahead(here, there, moment)
            repeated = max(0, _offset(here, moment - _MINUTE_LONG) - _offset(here, moment))
            start = moment + timedelta(minutes=repeated, seconds=-1)
    if len(found) > 1 and changes[-1] > now + timedelta(days=365 * (_YEARS - 2)):
        found.pop()  # its end is not known
    return found


def next_time(cron: Cron, zone: str, now: datetime) -> datetime | None:
    """Return when a schedule happens next, in its zone; None where that is never."""
    here = zone_named(zone)
    local = now.astimezone(here)
    for ahead in range(_LONGEST_PAUSE_DAYS):
        day = local.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None) + timedelta(days=ahead)
        if not cron.on(day):
            continue
        for hour, minute in sorted(product(cron.hours, cron.minutes)):
            moment = day.replace(hour=hour, minute=minute, tzinfo=here)
            exists = moment.astimezone(UTC).astimezone(here).replace(tzinfo=None) == moment.replace(tzinfo=None)
            if exists and moment > now:
                return moment
    return None


def _ahead(here: tzinfo, there: tzinfo, moment: datetime) -> int:
    """Return the minutes that the installation's clock is ahead of the user's."""
    return _offset(there, moment) - _offset(here, moment)


def _offset(zone: tzinfo, moment: datetime) -> int:
    """Return the minutes that a zone's clock is ahead of UTC."""
    return int((moment.astimezone(zone).utcoffset() or timedelta()).total_seconds() // 60)


def _changes(zone: tzinfo, now: datetime) -> Iterator[datetime]:
    """Yield the moments, to the minute, at which a zone's clock is changed in the years to come."""
    moment = now.astimezone(UTC).replace(second=0, microsecond=0)
    for _ in range(366 * _YEARS):
        later = moment + timedelta(days=1)
        if _offset(zone, moment) != _offset(zone, later):
            before, after = moment, later
            while after - before > _MINUTE_LONG:
                middle = before + timedelta(minutes=(after - before) // _MINUTE_LONG // 2)
                unchanged = _offset(zone, middle) == _offset(zone, before)
                before, after = (middle, after) if unchanged else (before, middle)
            yield after
        moment = later


def _inexpressible(cron: str, zones: str, why: str) -> str:
    return (
        f"the schedule '{cron.removeprefix('0 ')}' in {zones} {why}, which no cron expression says: choose another "
        f"time of day, or set CRON_SCHEDULE_TIMEZONE of the installation to your zone and name it with "
        f"--server-time-zone."
    )
