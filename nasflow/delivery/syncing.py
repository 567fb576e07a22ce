"""Writing by hand what MLflow lacks of a search, as after an outage at its end; done twice, it changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from nasflow.config import TrackingConfig
from nasflow.data.bundle import DataBundle
from nasflow.delivery.delivering import finish_parent, report_file
from nasflow.delivery.outcome import Outcome
from nasflow.engine.concluding import Training, complete, full_trainings, trainings
from nasflow.engine.kept import KeptSearch
from nasflow.engine.trialling import tracker_of
from nasflow.errors import IntegrityError, TrackingError
from nasflow.tracking import patiently


@dataclass(frozen=True)
class Synced:
    """What MLflow has of a search now.

    Attributes:
        name: The search.
        where: The MLflow.
        runs: Runs of its trials and full trainings, all that have a result.
        missing: Those that were missing, or of which something was.
        holder: Who runs the search meanwhile, or empty.
        unregistered: Whether its model is to be registered and is not, though all is trained.
    """

    name: str
    where: str
    runs: int
    missing: int
    holder: str
    unregistered: bool


def sync(
    kept: KeptSearch,
    tracking: TrackingConfig | None = None,
    on_run: Callable[[int, int], None] = lambda done, all_: None,
) -> Synced:
    """Write whatever MLflow lacks of a search: its own run, and one for each training that has a result.

    A search that runs meanwhile goes on; only where none does are runs ended that nobody goes on with.

    Args:
        kept: The search.
        tracking: Where its runs are now, where that is not what the search was started with.
        on_run: Told of the runs that are there, and of all.

    Raises:
        TrackingError: MLflow cannot be used; the text says how many runs are missing.
        StorageError: The store cannot be read.
    """
    records, holder = kept.records, kept.holder
    config = kept.request.config
    if tracking is not None:
        config = config.model_copy(update={"tracking": tracking})
    request = replace(kept.request, config=config)
    found = [*trainings(records.history()), *full_trainings(records)]
    there = 0
    lacked: set[int] = set()  # kept over the attempts: the next one finds what the one before has written

    def count(missing: bool) -> None:
        nonlocal there
        there += 1
        if missing:
            lacked.add(there)
        on_run(there, len(found))

    def write() -> str:
        nonlocal there
        there = 0
        return _written(replace(kept, request=request), found, count, over=not holder)

    try:
        where = patiently(write)
    except TrackingError as error:
        raise TrackingError(f"{len(found) - there} of {len(found)} runs may still be missing: {error}") from error
    delivered = records.read("delivered")
    trained = delivered is None and any(kind == "final" for kind, _, _ in found)
    return Synced(
        name=config.name,
        where=where,
        runs=len(found),
        missing=len(lacked),
        holder=holder,
        unregistered=trained and config.registry.enabled and not holder,
    )


def _written(kept: KeptSearch, found: list[Training], count: Callable[[bool], None], *, over: bool) -> str:
    """Write all runs, and end the search's own where it has delivered; return where they are."""
    records = kept.records
    params = {}
    with suppress(IntegrityError):  # the prepared data are on another machine
        params["data_fingerprint"] = DataBundle.open(Path(kept.bundle), verify=False).fingerprint
    with tracker_of(kept.request, kept.search.space, records, params) as tracker:
        tracker.parent_run_id()
        complete(records, tracker, found, count, over=over)
        document = records.read("delivered")
        if document is not None and over:
            finish_parent(tracker, Outcome.from_json(document["outcome"]))
            if document.pop("untracked", ""):
                tracker.log_artifact(report_file(records))
                records.write("delivered", document | {"run_id": tracker.parent_run_id()})
        return tracker.target.shown
