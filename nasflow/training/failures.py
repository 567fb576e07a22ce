"""From an exception or the end of a process to a trial's status and its cause in one sentence."""

from __future__ import annotations

import re
import signal
import traceback
from collections.abc import Callable
from pathlib import Path

from nasflow.errors import ConfigError, NasflowError, PluginError, StorageError
from nasflow.trials import Status

_MEMORY_MESSAGES = ("DefaultCPUAllocator", "can't allocate memory", "out of memory", "CUBLAS_STATUS_ALLOC_FAILED")
_LONGEST_MESSAGE = 500
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
"""Differs from run to run, and the same trial fails with the same cause."""


class NotFiniteError(Exception):
    """A loss or metric became NaN or infinite; the text is the cause of the trial's failure."""


def classify(error: Exception) -> tuple[Status, str]:
    """Return status and cause for an exception that ended a trial.

    Args:
        error: What the network's code, the task's, or torch raised.
    """
    if isinstance(error, NotFiniteError):
        return Status.NOT_FINITE, str(error)
    if isinstance(error, NasflowError):  # a sentence that says what and where
        return Status.CRASHED, str(error)
    message = _one_line(error)
    if _is_memory(error):
        return Status.OUT_OF_MEMORY, f"the memory did not suffice: {message}"
    return Status.CRASHED, f"{message} ({_place(error)})" if _place(error) else message


def failure_of(attempt: Callable[[], object]) -> tuple[Status, str] | None:
    """Return status and cause of a trial whose network's code fails at something, or None where it does not.

    Args:
        attempt: Runs that code.

    Raises:
        PluginError: Its family is not installed, or is of other code.
        StorageError: What it reads cannot be read.
        ConfigError: The configuration is wrong.
    """
    try:
        attempt()
    except (PluginError, StorageError, ConfigError):  # no fault of the network's
        raise
    except Exception as error:  # a stranger's code may raise anything
        return classify(error)
    return None


def describe_exit(code: int) -> str:
    """Return how a process ended, from its exit code (negative: the signal that killed it)."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = "unknown"
    return f"was killed by signal {-code} ({name})"


def _is_memory(error: Exception) -> bool:
    names = {kind.__name__ for kind in type(error).__mro__}  # torch's own class, without importing torch
    return bool(names & {"OutOfMemoryError", "MemoryError"}) or (
        isinstance(error, RuntimeError) and any(part in str(error) for part in _MEMORY_MESSAGES)
    )


def _one_line(error: Exception) -> str:
    text = _ADDRESS.sub("", " ".join(str(error).split()))
    if len(text) > _LONGEST_MESSAGE:
        text = text[:_LONGEST_MESSAGE] + " …"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _place(error: Exception) -> str:
    """Return file and line of the deepest frame outside torch; of the path only what is alike on all machines."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "torch" not in Path(frame.filename).parts] or list(frames)
    if not own:
        return ""
    path = Path(own[-1].filename)
    return f"{path.parent.name}/{path.name}:{own[-1].lineno}" if path.parent.name else f"{path.name}:{own[-1].lineno}"
