"""Making a version the champion by hand, as for a rollback."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nasflow.delivery.champion import CHALLENGER, CHAMPION
from nasflow.delivery.deciding import turn
from nasflow.errors import UserError
from nasflow.plugins import nearest
from nasflow.storage import Store
from nasflow.tracking import TrackingTarget
from nasflow.tracking.client import explained, open_client

if TYPE_CHECKING:
    from mlflow import MlflowClient

PREVIOUS = "previous"
"""Alias of the version that was champion before the one that was made it by hand."""

_LISTED = 10


@dataclass(frozen=True)
class Promotion:
    """What was done.

    Attributes:
        model: Name of the registered model.
        version: The champion now.
        before: The champion before: the same where nothing changed, None where there was none.
    """

    model: str
    version: int
    before: int | None

    def sentence(self) -> str:
        """Return it in plain words."""
        if self.before == self.version:
            return f"Version {self.version} of '{self.model}' is the champion already; nothing was changed."
        was = f"it was version {self.before}, whose alias is '{PREVIOUS}' now" if self.before else "it had none"
        return f"Version {self.version} of '{self.model}' is the champion now; {was}."


def promote(target: TrackingTarget, name: str, version: int, store: Store | None = None) -> Promotion:
    """Make a version of a registered model its champion; the one before gets the alias `previous`.

    Done twice, it changes nothing. A search that is delivered again afterwards leaves the alias where it is.

    Args:
        target: The MLflow.
        name: Name of the registered model.
        version: Number of the version.
        store: Where searches that register versions of the model take turns, if there is one.

    Raises:
        UserError: There is no such model or version; the text names the nearest.
        HeldError: A search has been deciding about the model for a minute.
        TrackingError: MLflow cannot be used.
    """
    client = open_client(target)
    with explained(target):
        aliases = _checked(client, target, name, version)
        if aliases.get(CHAMPION) == version:
            return Promotion(name, version, version)
    with turn(store, target, name), explained(target):
        before = _checked(client, target, name, version).get(CHAMPION)
        # In this order, who is stopped in between and starts again does the rest.
        if aliases.get(CHALLENGER) == version:  # a version is one of the two, as where a search gives the aliases
            client.delete_registered_model_alias(name, CHALLENGER)
        if before is not None:
            client.set_registered_model_alias(name, PREVIOUS, str(before))
        client.set_registered_model_alias(name, CHAMPION, str(version))
    return Promotion(name, version, before)


def _checked(client: MlflowClient, target: TrackingTarget, name: str, version: int) -> dict[str, int]:
    """Return the aliases of a model with their versions.

    Raises:
        UserError: There is no such model or version.
    """
    models = {model.name: model.aliases for model in client.search_registered_models()}
    if name not in models:
        known = ", ".join(sorted(models)[:_LISTED]) or "none"
        raise UserError(
            f"no model '{name}' is registered in {target.shown}; models there: {known}.{nearest(name, list(models))}"
        )
    quoted = name.replace("'", "''")
    numbers = sorted(int(found.version) for found in client.search_model_versions(f"name = '{quoted}'"))
    if version not in numbers:
        close = sorted(sorted(numbers, key=lambda number: abs(number - version))[:_LISTED])
        listed = f"it has {', '.join(map(str, close))}" if close else "it has none"
        raise UserError(f"model '{name}' has no version {version}; {listed}.")
    return {alias: int(number) for alias, number in models[name].items()}
