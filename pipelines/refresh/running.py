"""Running a refresh on this machine: the look in this process, the search by the local pipeline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nasflow.config import SearchConfig
from nasflow.delivery.refresh.concluding import Conclusion, conclude
from nasflow.delivery.refresh.looking import Looked, look, refreshing
from nasflow.engine.door import Progress, admit, outlook
from nasflow.engine.lease import hold
from nasflow.engine.preparing import prepared
from nasflow.engine.request import anchored
from nasflow.engine.status import SearchStatus
from nasflow.ids import digest
from nasflow.pipelines.search.running import Finished, run_admitted
from nasflow.storage import open_store
from nasflow.tracking import tracking_target


@dataclass(frozen=True)
class Refreshed:
    """A refresh that has ended.

    Attributes:
        looked: Whether the data had changed.
        finished: The search, or None where there was nothing to do.
        conclusion: What it came to, or None likewise.
    """

    looked: Looked
    finished: Finished | None = None
    conclusion: Conclusion | None = None


def run_refresh(
    config: SearchConfig,
    base: Path,
    *,
    on_prepared: Progress | None = None,
    on_looking: Callable[[], None] | None = None,
    on_status: Callable[[SearchStatus, float], None] | None = None,
) -> Refreshed:
    """Refresh a champion, from where an earlier call stopped; one that is over is not done again.

    Args:
        config: The search, as the user wrote it.
        base: Folder that relative data paths start at.
        on_prepared: Told of samples prepared and samples in all.
        on_looking: Told when the champion is looked at.
        on_status: Told twice a second how far the search is, and when it first started, in Unix seconds.

    Raises:
        UserError: Configuration or data cannot be used, or the champion cannot be compared with on them.
        HeldError: Another process refreshes the same model, or runs the search.
        NasflowError: A step failed, in its own words.
    """
    config = refreshing(anchored(config))
    found = outlook(config, base).found
    store = open_store(config.storage.url)
    bundle = prepared(config.data, base.resolve(), store, on_prepared, found)
    key = f"models/{digest([config.model_name, tracking_target(config, store).uri])}/refresh.json"
    with hold(store, key, purpose=f"the refresh of '{config.model_name}'"):
        if on_looking is not None:
            on_looking()
        looked = look(config, bundle, store)
        if not looked.changed:
            return Refreshed(looked)
        finished = run_admitted(admit(config, base, refresh=looked.refresh), on_status=on_status)
        return Refreshed(looked, finished, conclude(finished.plan, finished.records, finished.delivery.registration))
