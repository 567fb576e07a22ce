"""What one step's pod has: the general part of `resources` as far as it is for that step, and what is said of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from nasflow.config.pods import PodConfig, PodsConfig
from nasflow.config.steps import CACHING, STORING, TRAINING, Step, users_of

if TYPE_CHECKING:
    from nasflow.config.model import SearchConfig

_EVERYWHERE = ("image_pull_secrets", "config_maps", "env", "labels", "annotations")
"""Fields that every step takes from the general part."""

_BY_USE = ("secrets", "secret_files", "cache")
"""Fields that only the steps take that use them; all others are for the steps that train."""


def pod_of(config: SearchConfig, step: Step) -> PodConfig:
    """Return what the pod of a step has.

    Args:
        config: The search.
        step: The step.
    """
    resources = config.resources
    general: dict[str, Any] = {name: getattr(resources, name) for name in _EVERYWHERE}
    if step in TRAINING:
        others = set(PodConfig.model_fields) - set(_EVERYWHERE) - set(_BY_USE)
        general |= {name: getattr(resources, name) for name in others}
    general["secrets"] = _used(resources, step)
    general["secret_files"] = {
        name: path for name, path in resources.secret_files.items() if step in (file_users(config, path) or ())
    }
    general["cache"] = resources.cache if step in CACHING else None
    own = resources.steps.get(step, PodConfig())
    return PodConfig.model_construct(
        **{name: _joined(general.get(name), getattr(own, name)) for name in PodConfig.model_fields}
    )


def file_users(config: SearchConfig, path: str) -> frozenset[Step] | None:
    """Return the steps that use a mounted Secret: those of the variables, and of the store's address, that point there.

    Args:
        config: The search.
        path: Where the Secret is mounted.

    Returns:
        The steps, or None where nothing points there that nasflow knows.
    """
    found = [users_of(name) for name, value in config.resources.env.items() if _within(value, path)]
    query = parse_qsl(urlsplit(config.storage.url).query) if "://" in config.storage.url else []
    found += [STORING for _, value in query if _within(value, path)]
    known = [users for users in found if users is not None]
    return frozenset[Step]().union(*known) if known else None


def _used(resources: PodsConfig, step: Step) -> dict[str, dict[str, str]]:
    """Return the variables from Secrets that a step uses."""
    found = {
        secret: {name: key for name, key in variables.items() if step in (users_of(name) or ())}
        for secret, variables in resources.secrets.items()
    }
    return {secret: variables for secret, variables in found.items() if variables}


def _joined(general: Any, own: Any) -> Any:
    """Join what is said in general with what is said of a step: mappings one level deep in their mappings, too."""
    match general, own:
        case dict(), dict():
            return {key: _joined(general.get(key), own.get(key)) for key in [*general, *own]}
        case list(), list():
            return [*general, *(item for item in own if item not in general)]
    return general if own is None else own


def _within(value: str, path: str) -> bool:
    return value == path or value.startswith(f"{path}/")
