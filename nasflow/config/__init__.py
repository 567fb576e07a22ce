"""SearchConfig and its parts: typed, a docstring a field, from YAML."""

from nasflow.config.base import Named, Options, Section
from nasflow.config.model import (
    BoundConfig,
    BudgetConfig,
    DataConfig,
    FidelityConfig,
    FinalConfig,
    ObjectiveConfig,
    ParallelismConfig,
    RegistryConfig,
    ResourcesConfig,
    SearchConfig,
    SpaceConfig,
    StorageConfig,
    TrackingConfig,
)
from nasflow.config.training import AugmentConfig, TrainingConfig

__all__ = [
    "AugmentConfig",
    "BoundConfig",
    "BudgetConfig",
    "DataConfig",
    "FidelityConfig",
    "FinalConfig",
    "Named",
    "ObjectiveConfig",
    "Options",
    "ParallelismConfig",
    "RegistryConfig",
    "ResourcesConfig",
    "SearchConfig",
    "Section",
    "SpaceConfig",
    "StorageConfig",
    "TrackingConfig",
    "TrainingConfig",
]
