"""SearchConfig and its parts: typed, a docstring a field, from YAML."""

from nasflow.config.base import Named, Options, Section
from nasflow.config.loading import config_from, load_config, parse_config
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
from nasflow.config.sources import split_source
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
    "config_from",
    "load_config",
    "parse_config",
    "split_source",
]
