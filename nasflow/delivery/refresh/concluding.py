"""What a refresh came to, written down: in the store, in MLflow, on the registered version, and as a page."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from nasflow.delivery.champion import CHAMPION
from nasflow.delivery.outcome import Registration
from nasflow.delivery.refresh.looking import asked_of
from nasflow.delivery.refresh.page import page
from nasflow.delivery.refresh.standing import REFRESH_TAG
from nasflow.delivery.refresh.start import Start
from nasflow.delivery.statistics import Interval
from nasflow.engine.plan import Plan
from nasflow.engine.records import SearchRecords
from nasflow.engine.refreshes import keep_decision, read_start
from nasflow.errors import IntegrityError, SearchError
from nasflow.tracking import TrackingTarget, tracking_target
from nasflow.tracking.client import connect, explained
from nasflow.tracking.records import text_params

PAGE = "refresh.md"

_KIND = "refresh"
_DECISION_TAG = "nasflow.refresh_decision"


@dataclass(frozen=True)
class Conclusion:
    """What a refresh came to.

    Attributes:
        refresh: Its id.
        start: How things stood before.
        registration: The new version, its alias, and the comparison that gave it.
        search_id: The search that found it.
        page: Key in the store of the page about it.
        run_id: MLflow run of the refresh.
    """

    refresh: str
    start: Start
    registration: Registration
    search_id: str
    page: str
    run_id: str

    @property
    def decision(self) -> Literal["promoted", "kept", "first"]:
        """What became of the champion: replaced, kept, or there for the first time."""
        return decided(self.start, self.registration)


def decided(start: Start, registration: Registration) -> Literal["promoted", "kept", "first"]:
    """Return what became of the champion: replaced, kept, or there for the first time."""
    if registration.alias != CHAMPION:
        return "kept"
    return "first" if start.champion is None else "promoted"


def conclude(plan: Plan, records: SearchRecords, registration: Registration | None) -> Conclusion:
    """Write down what a refresh came to; done again, it changes nothing.

    The decision in the store comes last: until it is there, the same command goes on.

    Args:
        plan: The search of the refresh.
        records: Its part of the store.
        registration: What its delivery registered.

    Raises:
        IntegrityError: The store keeps nothing of the refresh.
        TrackingError: MLflow cannot be used; the same command again writes what is missing.
    """
    refresh = plan.request.refresh
    document = read_start(records.store, refresh) if refresh else None
    if document is None:
        raise IntegrityError(
            f"refresh '{refresh}' is not in the store '{records.store.url}'; run 'nasflow refresh' again."
        )
    if registration is None:
        raise SearchError("the search of the refresh has registered nothing; run 'nasflow refresh' again.")
    start = Start.from_json(document)
    text = page(start, registration, plan.search_id)
    key = f"{records.folder}/{PAGE}"
    records.store.put(key, text.encode())
    run_id = _logged(tracking_target(plan.config, records.store), plan, start, registration, text)
    keep_decision(
        records.store,
        refresh,
        {
            "schema_version": 1,
            "asked": asked_of(plan.config),
            "at": time.time(),
            "decision": decided(start, registration),
            "registration": registration.to_json(),
            "search_id": plan.search_id,
            "run_id": run_id,
        },
    )
    return Conclusion(refresh, start, registration, plan.search_id, key, run_id)


def figures(start: Start, registration: Registration) -> dict[str, float]:
    """Return every number of a refresh by name, as MLflow's run of it has them."""
    found: dict[str, float] = {}
    drift, comparison = start.drift, registration.comparison
    if drift is not None:
        intervals: dict[str, Interval | None] = {
            f"champion_val_{drift.metric}": drift.now,
            f"champion_registered_{drift.metric}": drift.then,
            "drift": drift.gain,
        }
        for name, interval in intervals.items():
            if interval is not None:
                found |= {name: interval.value, f"{name}_low": interval.low, f"{name}_high": interval.high}
    if comparison is not None:
        found |= {
            "difference": comparison.difference,
            "difference_standard_error": comparison.standard_error,
            "p_value": comparison.p_value,
            "test_samples": float(comparison.samples),
        }
    return found


def _logged(target: TrackingTarget, plan: Plan, start: Start, registration: Registration, text: str) -> str:
    """Log a refresh to a run of its own, once, and tag the version; return the run's id."""
    from mlflow.entities import Metric, Param, RunTag

    connection = connect(target)
    client, refresh = connection.client, plan.request.refresh
    decision = decided(start, registration)
    told = f"{decision} {registration.version} {registration.margin:g} {registration.level:g}"
    with explained(target):
        run = _run(client, connection.experiment_id, refresh)
        if run.data.tags.get(_DECISION_TAG) != told:
            now = round(time.time() * 1000)
            metrics = [Metric(name, value, now, 0) for name, value in figures(start, registration).items()]
            params = [Param(k, v) for k, v in _params(plan, start).items() if k not in run.data.params]
            client.log_text(run.info.run_id, text, PAGE)
            tags = {_DECISION_TAG: told, "mlflow.note.content": f"{start.sentence()} {registration.why}"}
            client.log_batch(
                run.info.run_id, metrics, params, [RunTag(k, v) for k, v in text_params(tags).items()], synchronous=True
            )
        if run.info.status != "FINISHED":
            client.set_terminated(run.info.run_id)
        for name, value in _version_tags(start, registration).items():
            client.set_model_version_tag(registration.name, str(registration.version), name, value)
    return str(run.info.run_id)


def _run(client: Any, experiment_id: str, refresh: str) -> Any:
    """Return the run of a refresh, made where there is none."""
    found = client.search_runs(
        [experiment_id], f"tags.`{REFRESH_TAG}` = '{refresh}' AND tags.`nasflow.kind` = '{_KIND}'"
    )
    if found:
        return found[0]
    tags = {REFRESH_TAG: refresh, "nasflow.kind": _KIND}
    return client.create_run(experiment_id, tags=tags, run_name=f"{_KIND}-{refresh[:8]}")


def _params(plan: Plan, start: Start) -> dict[str, str]:
    return text_params(
        {
            "mode": start.mode,
            "margin": plan.config.registry.margin,
            "level": plan.config.registry.level,
            "champion": str(start.champion),
            "data": start.data,
            "champion_data": start.before,
            "search_id": plan.search_id,
        }
    )


def _version_tags(start: Start, registration: Registration) -> Mapping[str, str]:
    """Return what a version is tagged with: the decision and its figures."""
    numbers = {f"nasflow.refresh_{name}": f"{value:.6g}" for name, value in figures(start, registration).items()}
    return {_DECISION_TAG: decided(start, registration), **numbers}
