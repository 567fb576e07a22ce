"""A server that speaks the parts of Kubeflow Pipelines' API that nasflow uses, strictly, with faults on demand."""

from nasflow.testing.kubeflow.faults import Fault
from nasflow.testing.kubeflow.server import KubeflowServer
from nasflow.testing.kubeflow.state import Task

__all__ = ["Fault", "KubeflowServer", "Task"]
