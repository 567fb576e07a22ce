"""Whether there is anything to refresh: the data's fingerprint against the champion's, and how it does on new data."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nasflow.config import SearchConfig
from nasflow.data.bundle import DataBundle
from nasflow.delivery.champion import CHAMPION, IncomparableError, champion_probabilities
from nasflow.delivery.refresh.drift import Drift, figure
from nasflow.delivery.refresh.samples import check_unseen
from nasflow.delivery.refresh.standing import Champion, standing
from nasflow.delivery.refresh.start import Start
from nasflow.engine.plan import make_objectives, make_space, trial_fidelity
from nasflow.engine.refreshes import keep_start, read_decision, read_start, suits
from nasflow.engine.request import delivery_asked
from nasflow.errors import UserError
from nasflow.ids import digest
from nasflow.spaces import Architecture
from nasflow.storage import Store
from nasflow.strategies import Problem
from nasflow.tasks.loading import load_task
from nasflow.tracking import TrackingTarget, tracking_target
from nasflow.tracking.client import explained, open_client

if TYPE_CHECKING:
    from mlflow import MlflowClient

_SEARCHED = {"name", "seed", "task", "space", "strategy", "objectives", "fidelity", "training"}


@dataclass(frozen=True)
class Looked:
    """What was found.

    Attributes:
        changed: Whether there is something to do.
        said: What was found, in plain words.
        refresh: Id of the refresh that is to be done, or that was; empty where there never was one.
    """

    changed: bool
    said: str
    refresh: str = ""


def refreshing(config: SearchConfig) -> SearchConfig:
    """Return the configuration that a refresh searches by: its own margin, one trial where it only retrains.

    Args:
        config: As the user wrote it; what this function gave stays as it is.

    Raises:
        UserError: The registry, without which there is no champion, is switched off.
    """
    if not config.registry.enabled:
        raise UserError("registry.enabled is false, and a refresh is about a registered champion; remove the line.")
    asked = config.refresh
    registry = config.registry.model_copy(update={"margin": asked.margin})
    changes: dict[str, Any] = {"registry": registry}
    if asked.mode == "retrain":
        changes["budget"] = config.budget.model_copy(update={"trials": 1})
        changes["final"] = config.final.model_copy(update={"candidates": 1})
    return config.model_copy(update=changes)


def asked_of(config: SearchConfig) -> str:
    """Hash what a refresh's decision depends on besides champion and data; another hash decides anew."""
    searched = config.model_dump(mode="json", include=_SEARCHED)
    return digest({"delivery": delivery_asked(config), "search": searched, "rounds": config.parallelism.round_size})


def look(config: SearchConfig, bundle: DataBundle, store: Store) -> Looked:
    """Find out whether the data have changed; if so, measure the champion on them and keep how things stand.

    Nothing is trained. A refresh that has begun is gone on with, and one that is over is not done again.

    Args:
        config: As `refreshing` gives it.
        bundle: The prepared data.
        store: The store.

    Raises:
        UserError: The champion cannot be compared with on these data, so that nothing could be promoted; or there is
            nothing to retrain.
        TrackingError: MLflow cannot be used.
    """
    target = tracking_target(config, store)
    client = open_client(target)
    with explained(target):
        champion = standing(client, config.model_name)
    if found := _begun(champion, bundle, store) or _unchanged(champion, bundle):
        return found
    refresh = _id(config, target, champion, bundle)
    if found := _decided(config, champion, store, refresh):
        return found
    document = read_start(store, refresh)
    if document is None:
        start = _Beginning(config, client, target, bundle, store).start(champion)
        keep_start(store, refresh, start.to_json())
        document = read_start(store, refresh) or start.to_json()
    return Looked(True, Start.from_json(document).sentence(), refresh)


def _begun(champion: Champion | None, bundle: DataBundle, store: Store) -> Looked | None:
    """Return the refresh that has promoted this champion and was stopped before it had written all down."""
    refresh = champion.refresh if champion else ""
    document = read_start(store, refresh) if refresh else None
    if document is None or document["data"] != bundle.fingerprint or read_decision(store, refresh) is not None:
        return None
    return Looked(True, Start.from_json(document).sentence(), refresh)


def _unchanged(champion: Champion | None, bundle: DataBundle) -> Looked | None:
    if champion is None or champion.data != bundle.fingerprint:
        return None
    version = champion.version
    said = f"The data have not changed since version {version.number} of '{version.name}', the champion, was trained."
    return Looked(False, said, champion.refresh)


def _decided(config: SearchConfig, champion: Champion | None, store: Store, refresh: str) -> Looked | None:
    """Return what was decided on the same data, against the same champion, by the same configuration."""
    decision = read_decision(store, refresh)
    if decision is None or decision["asked"] != asked_of(config):
        return None
    made = decision["registration"]
    day = time.strftime("%Y-%m-%d %H:%M", time.localtime(decision["at"]))
    said = f"The data have not changed since the refresh of {day}. {made['why']}"
    if champion is not None and made["alias"] == CHAMPION and champion.version.number != made["version"]:
        said += f" Since then, version {champion.version.number} was made champion again."
    return Looked(False, said, refresh)


def _id(config: SearchConfig, target: TrackingTarget, champion: Champion | None, bundle: DataBundle) -> str:
    version = champion.version.number if champion else None
    asked = config.refresh.model_dump(mode="json", include={"mode", "from_history"})
    return digest([config.model_name, target.uri, version, bundle.fingerprint, asked])


@dataclass(frozen=True)
class _Beginning:
    """Everything that the start of a refresh is found out from."""

    config: SearchConfig
    client: MlflowClient
    target: TrackingTarget
    bundle: DataBundle
    store: Store

    def start(self, champion: Champion | None) -> Start:
        """Return how things stand.

        Raises:
            UserError: The champion cannot be compared with, or there is nothing to retrain.
        """
        model, mode, data = self.config.model_name, self.config.refresh.mode, self.bundle.fingerprint
        if champion is None:
            if mode == "retrain":
                raise UserError(
                    f"'{model}' has no champion whose architecture could be trained again (refresh.mode is "
                    f"'retrain'); search for one first, with 'nasflow run'."
                )
            return Start(model, None, "", data, mode, None, (), time.time())
        drift, found = self._drift(champion), tuple(self._architectures(champion))
        return Start(model, champion.version.number, champion.data, data, mode, drift, found, time.time())

    def _drift(self, champion: Champion) -> Drift:
        """Measure the champion on the new validation samples, once it is known that it can be compared with at all."""
        task, bundle = load_task(self.config), self.bundle
        try:
            check_unseen(self.store, bundle, champion.tags)
            with explained(self.target):
                answers = champion_probabilities(
                    self.client, self.target, champion.version, bundle.images("val"), bundle.classes
                )
        except IncomparableError as error:
            name, number = champion.version.name, champion.version.number
            raise UserError(
                f"a refresh would promote nothing here, since version {number} of '{name}', the champion, cannot be "
                f"compared with fairly: {error}; use 'nasflow run', and promote by hand with 'nasflow promote {name} "
                f"--version N'."
            ) from error
        first = task.metrics[0]
        now = figure(task, answers, bundle.targets("val"), self.config.seed)
        return Drift(first.name, first.direction, now, champion.figure(self.store, first.name), bundle.counts["val"])

    def _architectures(self, champion: Champion) -> list[Architecture]:
        """Return what the search begins with.

        Raises:
            UserError: The champion's architecture, which is to be trained again, is not known or not of the space.
        """
        if self.config.refresh.mode == "search":
            return champion.architectures(self.store, self.config.refresh.from_history)
        who = f"the architecture of version {champion.version.number} of '{champion.version.name}'"
        known = champion.architectures(self.store, 1)
        if not known or known[0].id != champion.tags.get("nasflow.architecture_id"):
            raise UserError(f"{who} is not in the store '{self.store.url}'; set refresh.mode to 'search'.")
        if not suits(self._problem(), known[0]):
            raise UserError(
                f"{who} is not within 'space' and the bounds of 'objectives'; widen them, or set refresh.mode to "
                f"'search'."
            )
        return known

    def _problem(self) -> Problem:
        """Return what the search will be asked to solve, as far as it says which architectures it may have."""
        config, task = self.config, load_task(self.config)
        io = task.io(self.bundle)
        space, objectives = make_space(config, task, io), make_objectives(config, task, io)
        return Problem(space, objectives, trial_fidelity(config), config.budget.trials, config.seed)
