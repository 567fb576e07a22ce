"""What `nasflow check` says of the time that a search will take."""

from __future__ import annotations

from pathlib import Path

from nasflow.cli.text import count, rounded
from nasflow.config import SearchConfig
from nasflow.data.bundle import DataBundle
from nasflow.engine.door import Outlook, present
from nasflow.engine.estimate import Begun, Estimate, estimate
from nasflow.engine.plan import Plan
from nasflow.engine.preparing import bundle_folder
from nasflow.engine.probing import DeviceProbe
from nasflow.engine.records import SearchRecords
from nasflow.engine.request import Request, anchored
from nasflow.errors import DataError, IntegrityError, SearchError
from nasflow.storage import open_store

UNCERTAINTY = 1.4
"""By how many times the truth may be more or less than the estimate that is told."""


def foretold(config: SearchConfig, base: Path, found: Outlook) -> tuple[str, list[str]]:
    """Return about how long a search takes, in a line, and notes: why nobody can tell, where that is so.

    Args:
        config: The search.
        base: Folder that relative data paths start at.
        found: Its data and space.
    """
    config = anchored(config)
    try:
        return spoken(estimate(config, base, found, _begun(config, base, found))), []
    except (SearchError, DataError) as error:
        return "", [f"How long it will take is not known: {error}"]


def spoken(time: Estimate) -> str:
    """Return an estimate as a line: the whole with its range, and its parts."""
    full = [count(time.finalists, "full training")] if time.finalists else []
    full += [] if time.reference_kept else ["the reference"]
    preparation = "not known before the download" if time.preparation is None else rounded(time.preparation)
    parts = [
        f"preparation {preparation}",
        *([f"{count(time.trials, 'trial')} {rounded(time.search)}"] if time.trials else []),
        *([f"{' and '.join(full)} {rounded(time.finals)}"] if full else []),
        f"delivery {rounded(time.delivery)}",
        *(["the reference's training is kept"] if time.reference_kept else []),
    ]
    if time.limit is not None and time.whole > time.limit:
        return f"{rounded(time.limit)}, all that budget.hours allows; without that {', '.join(parts)}"
    span = f"{rounded(time.whole / UNCERTAINTY)} to {rounded(time.whole * UNCERTAINTY)}"
    beginning = " once the data are prepared" if time.preparation is None else ""
    return f"about {rounded(time.whole)} ({span}){beginning}: {', '.join(parts)}"


def _begun(config: SearchConfig, base: Path, found: Outlook) -> Begun | None:
    """Return what is known of a search whose data are prepared, or None where they are not; writes nothing."""
    store = open_store(config.storage.url)
    folder = bundle_folder(config.data, base, store, found.summary)
    if not folder.exists():
        return None
    probe = DeviceProbe(config.resources)
    try:
        bundle = DataBundle.open(folder, verify=False)
        plan = present(Plan(Request(config, base, probe.result()), bundle, found.space), store)
    except IntegrityError:
        return None  # it will be prepared again
    finally:
        probe.close()
    return Begun(plan, SearchRecords(store, plan.search_id))
