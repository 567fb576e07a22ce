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
    SharesConfig,
    SpaceConfig,
    StorageConfig,
    TrackingConfig,
)
from nasflow.config.recipe import RecipeChoice, recipe_choices, recipe_field
from nasflow.config.refresh import RefreshConfig
from nasflow.config.sources import split_source
from nasflow.config.training import AugmentConfig, ProgressiveConfig, TrainingConfig

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
    "ProgressiveConfig",
    "RecipeChoice",
    "RefreshConfig",
    "RegistryConfig",
    "ResourcesConfig",
    "SearchConfig",
    "Section",
    "SharesConfig",
    "SpaceConfig",
    "StorageConfig",
    "TrackingConfig",
    "TrainingConfig",
    "config_from",
    "load_config",
    "parse_config",
    "recipe_choices",
    "recipe_field",
    "split_source",
]
