"""Cron expressions: read as people write them, and laid out so that they happen when meant, in every zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from nasflow.errors import UserError
from nasflow.pipelines.cluster.cron import Cron, Span, next_time, spans, zone_named

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "kubeflow"),
    [
        ("0 3 * * *", "0 0 3 * * *"),
        ("  30  3 * * mon ", "0 30 3 * * 1"),
        ("*/15 8-18 * * MON-FRI", "0 0,15,30,45 8-18 * * 1-5"),
        ("0 0 1 jan,jul ?", "0 0 0 1 1,7 *"),
        ("5/20 * * * *", "0 5,25,45 * * * *"),
        ("0 0 * * 7", "0 0 0 * * 0"),
        ("0 0 * * 5-7", "0 0 0 * * 0,5,6"),
        ("@daily", "0 0 0 * * *"),
        ("@Weekly", "0 0 0 * * 0"),
        ("0 15 10 * * *", "0 15 10 * * *"),
    ],
)
def test_five_fields_become_kubeflows_six(written: str, kubeflow: str) -> None:
    assert str(Cron.parse(written)) == kubeflow
    assert Cron.parse(str(Cron.parse(written))) == Cron.parse(written)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("", "has 0 fields: write five"),
        ("3", "has 1 fields"),
        ("5 0 3 * * *", "has 6 fields"),
        ("@dayly", "Did you mean '@daily'"),
        ("60 3 * * *", "the minute is 0 to 59, not '60'"),
        ("0 24 * * *", "the hour is 0 to 23, not '24'"),
        ("0 3 0 * *", "the day of the month is 1 to 31, not '0'"),
        ("0 3 * mai *", "the month is 1 to 12, or jan to dec, not 'mai'"),
        ("0 3 * * mno", "the weekday is 0 to 6, or sun to sat, not 'mno'.* Did you mean 'mon'"),
        ("0 3 * * 8", "not '8'"),
        ("0 9-3 * * *", "'9-3' ends before it begins"),
        ("*/0 * * * *", "no whole step of 1 or more"),
        ("*/x * * * *", "no whole step"),
        ("CRON_TZ=UTC 0 3 * * *", "not 'cron_tz=utc'|has 6 fields"),
        ("0 3, * * *", "not ''"),
        ("-1 3 * * *", "not ''"),
    ],
)
def test_a_slip_is_answered_with_its_field(written: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        Cron.parse(written)


def moments(laid: list[Span], zone: str, begin: datetime, end: datetime) -> list[datetime]:
    """Return when an installation starts runs: its controller's rules, minute by minute."""
    there, found = ZoneInfo(zone), []
    crons = [(Cron.parse(span.cron), span) for span in laid]
    moment = begin
    while moment < end:
        local = moment.astimezone(there)
        for cron, span in crons:
            inside = (span.start is None or moment > span.start) and (span.end is None or moment <= span.end)
            if inside and local.minute in cron.minutes and local.hour in cron.hours and cron.on(local):
                found.append(moment)
        moment += timedelta(minutes=15)
    return found


def meant(written: str, zone: str, begin: datetime, end: datetime) -> list[datetime]:
    """Return when the user means it: each local time that exists, once."""
    cron, here, found = Cron.parse(written), ZoneInfo(zone), []
    seen = set()
    moment = begin
    while moment < end:
        local = moment.astimezone(here)
        plain = local.replace(tzinfo=None, fold=0)
        if local.minute in cron.minutes and local.hour in cron.hours and cron.on(local) and plain not in seen:
            seen.add(plain)
            found.append(moment)
        moment += timedelta(minutes=15)
    return found


@pytest.mark.parametrize("installation", ["UTC", "Asia/Shanghai", "America/New_York"])
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Kolkata", "America/St_Johns", "Australia/Lord_Howe"])
@pytest.mark.parametrize("written", ["30 2 * * *", "0 3 * * *", "30 8 * * *", "15 23 * * mon,fri", "0 12 * * 0"])
def test_it_happens_when_it_is_meant_to(written: str, zone: str, installation: str) -> None:
    laid = spans(Cron.parse(written), zone, installation, NOW)
    for year, month in ((2027, 3), (2027, 4), (2027, 10), (2027, 11)):
        begin = datetime(year, month, 1, tzinfo=UTC)
        end = begin + timedelta(days=31)
        assert moments(laid, installation, begin, end) == meant(written, zone, begin, end)


def test_in_the_installations_own_zone_it_stays_as_it_is() -> None:
    for written in ("0 3 1 6 *", "7,9 3 31 * 2", "0 0 29 2 *"):
        laid = spans(Cron.parse(written), "Europe/Berlin", "Europe/Berlin", NOW)
        assert laid == [Span(str(Cron.parse(written)))]


def test_clocks_that_keep_their_distance_need_one_span() -> None:
    assert spans(Cron.parse("0 3 * * 1"), "Asia/Tokyo", "UTC", NOW) == [Span("0 0 18 * * 0")]
    assert spans(Cron.parse("30 3 * * *"), "Asia/Kolkata", "UTC", NOW) == [Span("0 0 22 * * *")]
    assert spans(Cron.parse("0 12 1 * *"), "Asia/Tokyo", "UTC", NOW) == [Span("0 0 3 1 * *")]


def test_every_hour_is_every_hour_in_summer_too() -> None:
    assert spans(Cron.parse("@hourly"), "Europe/Berlin", "UTC", NOW) == [Span("0 0 * * * *")]
    assert len(spans(Cron.parse("*/20 * * * *"), "America/New_York", "UTC", NOW)) == 1


def test_spans_follow_each_other_for_years() -> None:
    laid = spans(Cron.parse("0 3 * * *"), "Europe/Berlin", "UTC", NOW)
    assert [span.cron for span in laid[:3]] == ["0 0 2 * * *", "0 0 1 * * *", "0 0 2 * * *"]
    assert laid[0].start is None
    assert laid[0].end == datetime(2027, 3, 28, 0, 59, 59, tzinfo=UTC)
    assert laid[1].start == datetime(2027, 3, 28, 0, 59, 59, tzinfo=UTC)
    assert laid[1].end == datetime(2027, 10, 31, 0, 59, 59, tzinfo=UTC)
    assert laid[2].start == datetime(2027, 10, 31, 1, 59, 59, tzinfo=UTC)
    assert laid[-1].end is not None
    assert laid[-1].end > NOW + timedelta(days=4 * 365)
    assert len(laid) <= 11


@pytest.mark.parametrize(
    ("written", "zone"), [("0 3 1 * *", "Asia/Tokyo"), ("0 3 * 6 *", "Asia/Tokyo"), ("0 3,12 * * 1", "Asia/Tokyo")]
)
def test_what_falls_on_another_day_is_refused_with_a_way_out(written: str, zone: str) -> None:
    with pytest.raises(UserError, match=r"falls on another day there.*CRON_SCHEDULE_TIMEZONE"):
        spans(Cron.parse(written), zone, "UTC", NOW)


def test_what_has_other_minutes_is_refused() -> None:
    with pytest.raises(UserError, match="other minutes in other hours"):
        spans(Cron.parse("0,45 3 * * *"), "Asia/Kolkata", "UTC", NOW)


def test_an_unknown_zone_is_answered_with_the_nearest() -> None:
    for name in ("Europe/Berlni", "../etc/passwd", ""):
        with pytest.raises(UserError, match="there is no time zone"):
            zone_named(name)
    with pytest.raises(UserError, match="Did you mean 'Europe/Berlin'"):
        zone_named("Europe/Berlni")


def test_the_next_time_is_told_in_the_users_zone() -> None:
    def following(written: str, now: datetime = NOW) -> str:
        found = next_time(Cron.parse(written), "Europe/Berlin", now)
        return f"{found:%Y-%m-%d %H:%M %Z}" if found else ""

    assert following("0 3 * * *") == "2026-11-25 03:00 CET"
    assert following("30 13 * * *") == "2026-11-24 13:30 CET"
    assert following("0 3 1 7 *") == "2027-07-01 03:00 CEST"
    assert following("0 0 29 2 *") == "2028-02-29 00:00 CET"
    assert following("0 0 31 2 *") == ""
    assert following("30 2 * * *", datetime(2027, 3, 27, 12, tzinfo=UTC)) == "2027-03-29 02:30 CEST"


def test_a_date_or_a_weekday_is_enough_where_both_are_named() -> None:
    cron = Cron.parse("0 3 13 * fri")
    assert cron.on(datetime(2026, 11, 13))
    assert cron.on(datetime(2026, 12, 13))
    assert cron.on(datetime(2026, 12, 4))
    assert not cron.on(datetime(2026, 12, 5))
