"""The step that proposes a round."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from kfp import dsl

from nasflow.components.propose.component import propose
from nasflow.trials import Trial


def test_rounds_and_shards(chain: Any) -> None:
    assert chain.returned["propose-0"] == ["0-0", "0-1"]
    assert chain.returned["propose-1"] == ["1-0"]
    sizes = {}
    for number in range(2):
        shards = json.loads(Path(chain.artifacts[f"proposal-{number}"].path).read_text())["shards"]
        assert list(shards) == chain.returned[f"propose-{number}"]
        sizes[number] = sorted(len(shard) for shard in shards.values())
    assert sizes == {0: [1, 2], 1: [2]}
    assert chain.artifacts["proposal-1"].metadata["trials"] == 2
    assert chain.artifacts["proposal-1"].metadata["receipts"] == 2


def test_the_trials_are_those_of_the_search(chain: Any) -> None:
    proposed = []
    for number in range(2):
        shards = json.loads(Path(chain.artifacts[f"proposal-{number}"].path).read_text())["shards"]
        proposed += [Trial.from_json(trial).id for shard in shards.values() for trial in shard]
    assert sorted(proposed) == sorted(entry.trial.id for entry in chain.site.history())


def test_proposed_again_it_is_the_same(chain: Any, tmp_path: Path) -> None:
    again = dsl.Artifact(uri=str(tmp_path / "proposal"))
    assert propose.python_func(number=1, proposal=again, **chain.timed) == chain.returned["propose-1"]
    first = Path(chain.artifacts["proposal-1"].path)
    assert json.loads(Path(again.path).read_text()) == json.loads(first.read_text())


def test_an_altered_batch_ends_it_in_one_sentence(chain: Any, tmp_path: Path, capsys: Any) -> None:
    request = json.loads(chain.request)
    request["config"]["storage"]["url"] = str(tmp_path / "store")
    known = chain.timed | {"request": json.dumps(request)}
    propose.python_func(number=0, proposal=dsl.Artifact(uri=str(tmp_path / "one")), **known)
    capsys.readouterr()
    (batch,) = (tmp_path / "store").glob("searches/*/batches/*.json")
    batch.write_bytes(batch.read_bytes()[:-30])
    with pytest.raises(SystemExit) as ended:
        propose.python_func(number=0, proposal=dsl.Artifact(uri=str(tmp_path / "two")), **known)
    assert ended.value.code == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "batches/00000000.json" in told
