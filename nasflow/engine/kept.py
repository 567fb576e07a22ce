"""Finding the searches that a store keeps."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from nasflow.config import SearchConfig
from nasflow.engine.lease import Holder
from nasflow.engine.plan import Known
from nasflow.engine.records import SearchRecords
from nasflow.engine.request import Request
from nasflow.errors import IntegrityError, UserError
from nasflow.plugins import nearest
from nasflow.spaces import SearchSpace
from nasflow.storage import Store


@dataclass(frozen=True)
class KeptSearch:
    """A search that a store keeps.

    Attributes:
        search: What is known of it.
        request: What was asked for.
        records: Its part of the store.
        bundle: Folder of its prepared data.
        started_at: Unix seconds of its first start.
    """

    search: Known
    request: Request
    records: SearchRecords
    bundle: str
    started_at: float

    @property
    def holder(self) -> str:
        """Who runs it now, or empty."""
        return holder_of(self.records)


def holder_of(records: SearchRecords) -> str:
    """Return who runs a search now, or empty; who is elsewhere and silent for as long as a lease lasts has gone."""
    key = f"{records.folder}/lease.json"
    content = records.store.get(key)
    holder = Holder.unpack(key, content) if content else None
    if holder is None or holder.released or holder.gone(time.time()):
        return ""
    return holder.description


def all_records(store: Store) -> list[SearchRecords]:
    """Return every search's part of a store, also of those that cannot be read here."""
    ids = {key.split("/")[1] for key in store.keys("searches/") if key.endswith("/search.json")}
    return [SearchRecords(store, search_id) for search_id in sorted(ids)]


def kept_searches(store: Store) -> list[KeptSearch]:
    """Return the searches of a store, the one that began last first."""
    found = [kept for records in all_records(store) if (kept := _kept(records))]
    return sorted(found, key=lambda kept: -kept.started_at)


def kept_search(store: Store, search_id: str) -> KeptSearch | None:
    """Return the search with an id, or None where the store does not keep it or it cannot be read here."""
    return _kept(SearchRecords(store, search_id))


def find_search(store: Store, wanted: str, like: SearchConfig | None = None) -> KeptSearch:
    """Return a search by its name or by the beginning of its id; of several with one name the one that began last.

    Args:
        store: The store.
        wanted: Name, or at least four characters of the id.
        like: The configuration that is meant; a search that it describes goes before others of its name.

    Raises:
        UserError: There is none.
    """
    found = kept_searches(store)
    if like is not None:
        found.sort(key=lambda kept: _described(kept.search.config) != _described(like))
    for kept in found:
        if kept.search.config.name == wanted or (len(wanted) >= 4 and kept.records.search_id.startswith(wanted)):
            return kept
    names = sorted({kept.search.config.name for kept in found})
    known = f"it keeps {', '.join(names)}.{nearest(wanted, names)}" if names else "it keeps no search yet."
    raise UserError(f"the store '{store.url}' has no search '{wanted}'; {known}")


def _described(config: SearchConfig) -> dict[str, Any]:
    """Return what tells one search from another, but for its data's content."""
    parts = {"name", "seed", "task", "data", "space", "strategy", "objectives", "fidelity", "training"}
    for objective in (described := config.model_dump(include=parts))["objectives"]:
        del objective["stop_at"]  # a raised goal continues the search
    rounds = {"round_size": config.parallelism.round_size, "threads": config.parallelism.threads}
    return {**described, **rounds}


def _kept(records: SearchRecords) -> KeptSearch | None:
    document = records.description()
    if document is None:
        return None
    try:
        request = Request.from_json(json.dumps(document["request"]))
        known = Known.of(request.config, SearchSpace.from_json(document["space"]))
    except (UserError, IntegrityError, ValidationError):
        return None  # kept by another version, or with a plugin that is gone: only that can read it
    return KeptSearch(known, request, records, document["bundle"], document["started_at"])
