"""Logs: lines of JSON in the pods of a pipeline, readable lines elsewhere, each with what it is about.

The identifiers (search, step, round, shard, trial) are context variables, so that whoever writes a line need not know
them: `with about(trial=trial.id): log.info("…")`. Processes that are started for a task are given `fields()`.
"""

from __future__ import annotations

import json
import logging
import math
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

from nasflow.passwords import hidden

FORM = "NASFLOW_LOG"
"""Environment variable with the form of the lines, `json` or `text`."""

LEVEL = "NASFLOW_LOG_LEVEL"
"""Environment variable with the least level that is shown, as in `debug`."""

ROOT = "nasflow"
"""The logger above all of nasflow's."""

Form = Literal["json", "text"]

_POD = ("KFP_POD_NAME", "KFP_POD_UID")
"""What Kubeflow Pipelines sets in the pod of a step, and nothing else does."""

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_ORDER = ("search", "step", "round", "shard", "trial")
_SHORT = 8
"""Letters of an id that a line for people has."""

_fields: ContextVar[dict[str, Any]] = ContextVar("nasflow_log_fields", default={})  # noqa: B039 # never changed


def fields() -> dict[str, Any]:
    """Return what a line written now would be about."""
    return dict(_fields.get())


@contextmanager
def about(**known: Any) -> Iterator[None]:
    """Say what the lines written meanwhile are about; what is None stays as it is.

    Args:
        known: JSON-compatible values by name: `search`, `step`, `round`, `shard`, `trial`, or others.
    """
    token = _fields.set(_fields.get() | {name: value for name, value in known.items() if value is not None})
    try:
        yield
    finally:
        _fields.reset(token)


def note(**known: Any) -> None:
    """Say the same of all lines to come until the surrounding `about` ends."""
    _fields.set(_fields.get() | known)


def carried(function: Callable[[], Any]) -> Callable[[], Any]:
    """Return a function that knows in another thread what the lines written here are about."""
    context = copy_context()
    return lambda: context.run(function)


def in_pod() -> bool:
    """Whether this process runs in the pod of a step of Kubeflow Pipelines."""
    return any(os.environ.get(name) for name in _POD)


def form() -> Form:
    """Return the form of the lines: as `NASFLOW_LOG` says, else JSON in pods and text elsewhere."""
    asked = os.environ.get(FORM, "").strip().lower()
    if asked in ("json", "text"):
        return "json" if asked == "json" else "text"
    return "json" if in_pod() else "text"


def level(otherwise: int = logging.INFO) -> int:
    """Return the least level that is shown: as `NASFLOW_LOG_LEVEL` says, else another."""
    return _LEVELS.get(os.environ.get(LEVEL, "").strip().lower(), otherwise)


@contextmanager
def shown(otherwise: int = logging.INFO, stream: TextIO | None = None) -> Iterator[None]:
    """Write what is logged meanwhile to standard error; of other libraries only what matters, unless debugging.

    Handlers that write plainly to a stream, as kfp installs one, rest meanwhile: their lines come in this form, too.

    Args:
        otherwise: Least level of nasflow's own lines, where the environment says nothing.
        stream: Where to, instead of standard error.
    """
    # Read when mlflow is imported: its lines would have a form of their own.
    os.environ.setdefault("MLFLOW_CONFIGURE_LOGGING", "false")
    own, everything = logging.getLogger(ROOT), logging.getLogger()
    least = level(otherwise)
    handler = logging.StreamHandler(stream if stream is not None else sys.stderr)
    handler.setFormatter(JsonLines() if form() == "json" else ReadableLines())
    before = everything.handlers[:], everything.level, own.level
    resting = [other for other in everything.handlers if type(other) is logging.StreamHandler]
    everything.handlers[:] = [*(other for other in everything.handlers if other not in resting), handler]
    everything.setLevel(logging.DEBUG if least <= logging.DEBUG else max(least, logging.WARNING))
    own.setLevel(least)
    try:
        yield
    finally:
        handler.flush()
        everything.handlers[:] = before[0]
        everything.setLevel(before[1])
        own.setLevel(before[2])


class JsonLines(logging.Formatter):
    """A record as one line of JSON: time in UTC, level, message, what it is about, and the traceback, if any."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        document: dict[str, Any] = {
            "time": _moment(record).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "message": hidden(record.getMessage()),
            **_about(record),
            "logger": record.name,
        }
        if trace := _trace(self, record):
            document["exception"] = trace
        return json.dumps(document, default=str)


class ReadableLines(logging.Formatter):
    """A record as a line for people, followed by the traceback, if any."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        known = _about(record)
        search = known.pop("search", None)
        step = known.pop("step", None)
        parts = [f"search {_short(search)}"] if search and step is None else []
        parts += [str(step)] if step is not None else []
        parts += [f"{name} {_short(value)}" for name, value in known.items()]
        origin = ", ".join(parts) or record.name
        time = _moment(record).strftime("%Y-%m-%d %H:%M:%SZ")
        line = f"{time} {record.levelname.lower():<7} {origin}: {hidden(record.getMessage())}"
        trace = _trace(self, record)
        return f"{line}\n{trace}" if trace else line


def _moment(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)


def _about(record: logging.LogRecord) -> dict[str, Any]:
    """Return what a record is about, the widest first; it may bring more, as `extra={"about": {…}}`."""
    known = _fields.get() | getattr(record, "about", {})
    ordered = [*(name for name in _ORDER if name in known), *(name for name in known if name not in _ORDER)]
    return {name: _legal(known[name]) for name in ordered}


def _legal(value: Any) -> Any:
    """Return a value that JSON has a form for."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return hidden(value) if isinstance(value, str) else value


def _short(value: Any) -> str:
    text = str(value)
    return text[:_SHORT] if len(text) > 2 * _SHORT and text.isalnum() else text


def _trace(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    parts = [formatter.formatException(record.exc_info)] if record.exc_info and record.exc_info[0] else []
    parts += [formatter.formatStack(record.stack_info)] if record.stack_info else []
    return hidden("\n".join(parts))
