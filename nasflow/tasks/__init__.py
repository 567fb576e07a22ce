"""What is learned: loss, metrics, output head, reference network; one module a task."""

from nasflow.tasks.protocol import Augmenter, Metric, Task

__all__ = ["Augmenter", "Metric", "Task"]
