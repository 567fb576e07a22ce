"""The step that does the rounds which are no steps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kfp import dsl

from nasflow.components.search_on.component import search_on
from nasflow.engine.kept import find_search
from nasflow.engine.steps import opened
from nasflow.storage import open_store


def called(chain: Any, receipt: Any, **changes: Any) -> None:
    search_on.python_func(receipts=[], receipt=receipt, summary=chain.summary, **chain.timed | {"first": 1} | changes)


def test_what_is_done_is_not_done_again(chain: Any, tmp_path: Path) -> None:
    before = chain.site.results()
    receipt = dsl.Artifact(uri=str(tmp_path / "receipt"))
    called(chain, receipt)
    done = json.loads(Path(receipt.path).read_text())
    assert done == [entry.trial.id for entry in chain.site.history()]
    assert receipt.metadata == {"trials": 5, "receipts": 0}
    assert chain.site.results() == before


def test_it_goes_through_all_rounds_that_are_left(chain: Any, in_process: Any, tmp_path: Path) -> None:
    request = json.loads(chain.request)
    request["config"]["storage"]["url"] = str(tmp_path / "store")
    receipt = dsl.Artifact(uri=str(tmp_path / "receipt"))
    known = {"request": json.dumps(request), "first": 0}
    plan, records = opened(known["request"], chain.known["data"].path, chain.known["space"].path)
    records.begin(known["request"], plan.space.to_json(), plan.bundle.root)
    called(chain, receipt, **known)
    history = find_search(open_store(str(tmp_path / "store")), "small").records.history()
    assert history.timeless() == in_process.outcome.history.timeless()
    assert len(json.loads(Path(receipt.path).read_text())) == 5
