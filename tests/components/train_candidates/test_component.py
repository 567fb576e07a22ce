"""The step that trains a shard."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kfp import dsl

from nasflow.components.train_candidates.component import train_candidates


def test_every_receipt_names_the_trials_of_its_shard(chain: Any) -> None:
    for number in range(2):
        shards = json.loads(Path(chain.artifacts[f"proposal-{number}"].path).read_text())["shards"]
        for name, shard in shards.items():
            receipt = chain.artifacts[f"receipt-{name}"]
            assert json.loads(Path(receipt.path).read_text()) == [trial["id"] for trial in shard]
            assert receipt.metadata == {"trials": len(shard), "failed": 0}


def test_the_results_are_those_of_a_search_in_process(chain: Any, in_process: Any) -> None:
    assert chain.site.history().timeless() == in_process.outcome.history.timeless()
    chain.site.accounted(5)


def test_trained_again_nothing_is_trained(chain: Any, tmp_path: Path) -> None:
    before = chain.site.results()
    again = dsl.Artifact(uri=str(tmp_path / "receipt"))
    proposal = chain.artifacts["proposal-0"]
    train_candidates.python_func(shard="0-0", proposal=proposal, receipt=again, **chain.known)
    assert Path(again.path).read_bytes() == Path(chain.artifacts["receipt-0-0"].path).read_bytes()
    assert chain.site.results() == before


def test_an_empty_shard_is_no_failure(chain: Any, tmp_path: Path) -> None:
    proposal = dsl.Artifact(uri=str(tmp_path / "proposal"))
    Path(proposal.path).write_text('{"deadline": 0.0, "shards": {"9-0": []}}')
    receipt = dsl.Artifact(uri=str(tmp_path / "receipt"))
    train_candidates.python_func(shard="9-0", proposal=proposal, receipt=receipt, **chain.known)
    assert Path(receipt.path).read_text() == "[]"
    assert receipt.metadata == {"trials": 0, "failed": 0}
