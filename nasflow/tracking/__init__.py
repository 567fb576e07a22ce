"""MLflow: one parent run a search, one child run a trial, live and complete. Importing it does not import mlflow."""

from nasflow.tracking.patience import patiently
from nasflow.tracking.records import Kind
from nasflow.tracking.target import TrackingTarget, store_target, target_of, tracking_target
from nasflow.tracking.tracker import Tracker

__all__ = ["Kind", "Tracker", "TrackingTarget", "patiently", "store_target", "target_of", "tracking_target"]
