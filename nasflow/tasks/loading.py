"""From the task section of a configuration to a task."""

from __future__ import annotations

from nasflow.config import SearchConfig
from nasflow.data.opening import valid_options
from nasflow.errors import PluginError
from nasflow.plugins import load
from nasflow.tasks.protocol import Task

_PARTS = (
    *("Options", "metrics", "io", "reference", "network", "check", "augmenter", "sample_weights", "loss"),
    *("probabilities", "evaluate"),
)


def load_task(config: SearchConfig) -> Task:
    """Return the task that a configuration names, with its options; imports no torch.

    Raises:
        PluginError: No package provides it, or what it provides is no task.
        ConfigError: Its options are wrong.
    """
    name = config.task.name
    provided = load("tasks", name)
    missing = [part for part in _PARTS if not hasattr(provided, part)]
    if missing:
        raise PluginError(f"task '{name}' lacks {', '.join(missing)}; see nasflow.tasks.Task.")
    task: Task = provided(valid_options(provided.Options, config.task.options, "task.options"))
    return task
