"""What is logged: lines of JSON or lines for people, what they are about, and no secret in them."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from nasflow import logs

log = logging.getLogger("nasflow.test")


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (logs.FORM, logs.LEVEL, "KFP_POD_NAME", "KFP_POD_UID"):
        monkeypatch.delenv(name, raising=False)


def written(speak: Callable[[], object], **options: Any) -> str:
    """Return what is written while something speaks."""
    stream = io.StringIO()
    with logs.shown(stream=stream, **options):
        speak()
    return stream.getvalue()


def document(speak: Callable[[], object]) -> dict[str, Any]:
    (line,) = written(speak).splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


def fail() -> None:
    try:
        raise ValueError('the worst, twice:\n"it"')
    except ValueError:
        log.exception("it went wrong")


@pytest.mark.parametrize("variable", ["KFP_POD_NAME", "KFP_POD_UID"])
def test_in_the_pod_of_a_step_lines_are_json(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert logs.form() == "text"
    monkeypatch.setenv(variable, "digits-x7k2-123")
    assert logs.form() == "json"
    monkeypatch.setenv(logs.FORM, "text")
    assert logs.form() == "text"


def test_the_form_is_as_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(logs.FORM, "JSON")
    assert logs.form() == "json"
    monkeypatch.setenv(logs.FORM, "nonsense")
    assert logs.form() == "text"


def test_a_line_of_json_says_when_what_and_about_what(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(logs.FORM, "json")

    def speak() -> None:
        with logs.about(search="5e4c", step="propose", round=2), logs.about(trial="ab12", shard=None):
            log.info('8 of %d\n"ü"', 9)

    found = document(speak)
    assert found.pop("time")[10:11] == "T"
    assert list(found) == ["level", "message", "search", "step", "round", "trial", "logger"]
    assert found["message"] == '8 of 9\n"ü"'
    assert (found["search"], found["round"], found["trial"]) == ("5e4c", 2, "ab12")
    assert (found["level"], found["logger"]) == ("info", "nasflow.test")


def test_times_are_utc_to_the_millisecond(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(logs.FORM, "json")
    record = logging.LogRecord("nasflow", logging.INFO, "", 1, "x", None, None)
    record.created = 1_700_000_000.1239
    assert json.loads(logs.JsonLines().format(record))["time"] == "2023-11-14T22:13:20.123Z"
    assert logs.ReadableLines().format(record) == "2023-11-14 22:13:20Z info    nasflow: x"


def test_an_exception_is_a_field(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(logs.FORM, "json")
    found = document(fail)
    assert found["message"] == "it went wrong"
    assert found["exception"].startswith("Traceback (most recent call last):")
    assert found["exception"].endswith('ValueError: the worst, twice:\n"it"')
    assert written(lambda: log.info("x")).count("exception") == 0


def test_whatever_is_told_remains_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(logs.FORM, "json")

    def speak() -> None:
        with logs.about(odd=float("nan"), thing=object(), lone="\udcff"):
            log.info("%s", "\x00", extra={"about": {"loss": float("inf")}})

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    found = json.loads(written(speak), parse_constant=refuse)
    assert (found["odd"], found["loss"]) == ("nan", "inf")
    lone = log.makeRecord(log.name, logging.INFO, __file__, 1, "%s", ("\udc80",), None)  # pytest could not keep it
    assert json.loads(logs.JsonLines().format(lone))["message"] == "\udc80"


def test_a_line_for_people() -> None:
    def speak() -> None:
        with logs.about(search="5e4c77aa0123456789abcdef", step="train_candidates", shard="0-1", trial="ab12" * 8):
            log.warning("out of memory")
        with logs.about(search="5e4c77aa0123456789abcdef"):
            log.info("x")
        fail()

    first, second, third, *trace = written(speak).splitlines()
    assert first.endswith("Z warning train_candidates, shard 0-1, trial ab12ab12: out of memory")
    assert second.endswith("info    search 5e4c77aa: x")
    assert third.endswith("error   nasflow.test: it went wrong")
    assert trace[0] == "Traceback (most recent call last):"


def test_levels(monkeypatch: pytest.MonkeyPatch) -> None:
    other = logging.getLogger("some.library")

    def speak() -> None:
        for each in (log, other):
            each.debug("debug %s", each.name)
            each.info("info %s", each.name)
            each.warning("warning %s", each.name)

    def heard(**options: Any) -> list[str]:
        return [line.partition(": ")[2] for line in written(speak, **options).splitlines()]

    assert heard() == ["info nasflow.test", "warning nasflow.test", "warning some.library"]
    assert heard(otherwise=logging.WARNING) == ["warning nasflow.test", "warning some.library"]
    monkeypatch.setenv(logs.LEVEL, "debug")
    assert len(heard()) == 6
    monkeypatch.setenv(logs.LEVEL, "error")
    assert heard() == []
    monkeypatch.setenv(logs.LEVEL, "nonsense")
    assert len(heard()) == 3


def test_afterwards_everything_is_as_it_was() -> None:
    everything, own = logging.getLogger(), logging.getLogger(logs.ROOT)
    before = everything.handlers[:], everything.level, own.level
    written(lambda: log.info("x"))
    with pytest.raises(KeyError), logs.shown(), logs.about(search="a"):
        raise KeyError
    assert (everything.handlers[:], everything.level, own.level) == before
    assert logs.fields() == {}


def test_handlers_that_write_plainly_rest_meanwhile() -> None:
    plain = io.StringIO()
    handler = logging.StreamHandler(plain)
    logging.getLogger().addHandler(handler)
    try:
        assert "x" in written(lambda: log.warning("x"))
        assert plain.getvalue() == ""
        log.warning("y")
        assert plain.getvalue() == "y\n"
    finally:
        logging.getLogger().removeHandler(handler)


def test_another_thread_knows_where_it_is_told() -> None:
    found: list[dict[str, Any]] = []
    with logs.about(search="a"):
        for target in (lambda: found.append(logs.fields()), logs.carried(lambda: found.append(logs.fields()))):
            thread = threading.Thread(target=target)
            thread.start()
            thread.join()
    assert found == [{}, {"search": "a"}]


def test_what_is_noted_ends_with_what_surrounds_it() -> None:
    with logs.about(step="select"):
        logs.note(search="a")
        assert logs.fields() == {"step": "select", "search": "a"}
    assert logs.fields() == {}


@pytest.mark.parametrize("form", ["json", "text"])
def test_no_secret_is_in_a_line(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(logs.FORM, form)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "tiger/eye+42")

    def speak() -> None:
        with logs.about(url="http://me:lion-heart@host/x", key="tiger/eye+42"):
            log.error("with %s and tiger%%2Feye%%2B42", "tiger/eye+42")
            try:
                raise ValueError("http://me:lion-heart@host said tiger/eye+42")
            except ValueError:
                log.exception("no")

    said = written(speak)
    assert "tiger" not in said
    assert "lion" not in said
    assert said.count("***") >= 6


def test_a_process_inherits_the_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(logs.FORM, "json")
    program = "import logging\nfrom nasflow import logs\nwith logs.shown(): logging.getLogger('nasflow').info('here')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert json.loads(done.stderr)["message"] == "here"
