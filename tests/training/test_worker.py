"""A worker, spoken to as the pool speaks to it; here it runs in a thread of this process."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

import pytest
import torch

from nasflow.training.job import result_key
from nasflow.training.worker import preload, serve


@pytest.fixture
def worker() -> Iterator[Connection]:
    before = torch.get_num_threads()
    ours, theirs = Pipe()
    thread = threading.Thread(target=lambda: (serve(theirs), theirs.close()))
    thread.start()
    yield ours
    ours.close()
    thread.join()
    torch.set_num_threads(before)


def tell(worker: Connection, message: dict[str, Any]) -> None:
    worker.send_bytes(json.dumps(message).encode())


def hear(worker: Connection) -> dict[str, Any]:
    return json.loads(worker.recv_bytes())


def train(worker: Connection, trial) -> list[dict[str, Any]]:
    tell(worker, {"trial": trial.to_json()})
    told = [hear(worker)]
    while told[-1]["kind"] != "finished":
        told.append(hear(worker))
    return told


def test_trains_one_after_the_other_and_tells_of_each_epoch(lab, worker):
    tell(worker, {"job": lab.job.to_json(), "worker": 3})
    for trial in (lab.trial("good"), lab.trial("good", width=16)):
        started, first, second, finished = train(worker, trial)
        assert (started["kind"], started["worker"], started["resumed_epoch"]) == ("started", 3, 0)
        assert started["device"].startswith("cpu-")
        assert [first["point"]["epoch"], second["point"]["epoch"]] == [1, 2]
        assert finished["recorded"] is True
        assert finished["result"]["status"] == "completed"
        assert lab.store.get(result_key(trial.id)) is not None
    assert lab.checkpoints() == []


def test_goes_on_after_a_loss_that_is_not_finite(lab, worker):
    tell(worker, {"job": lab.job.to_json(), "worker": 0})
    assert train(worker, lab.trial("nan"))[-1]["result"]["status"] == "not_finite"
    assert train(worker, lab.trial("good"))[-1]["result"]["status"] == "completed"


def test_ends_after_a_failure_that_may_have_spoilt_it(lab, worker):
    tell(worker, {"job": lab.job.to_json(), "worker": 0})
    assert train(worker, lab.trial("raise"))[-1]["result"]["status"] == "crashed"
    with pytest.raises(EOFError):
        hear(worker)


def test_leaves_it_to_its_owner_whether_a_lack_of_memory_stands(lab, worker):
    tell(worker, {"job": lab.job.to_json(), "worker": 0})
    trial = lab.trial("out_of_memory")
    told = train(worker, trial)[-1]
    assert (told["result"]["status"], told["recorded"]) == ("out_of_memory", False)
    assert lab.store.get(result_key(trial.id)) is None


def test_says_why_it_cannot_work(lab, worker):
    config = lab.job.to_json()["config"] | {"task": {"name": "image_clasification", "options": {}}}
    tell(worker, {"job": lab.job.to_json() | {"config": config}, "worker": 0})
    message = hear(worker)
    assert (message["kind"], message["error"]) == ("broken", "PluginError")
    assert "Did you mean 'image_classification'?" in message["text"]


def test_ends_when_nobody_speaks_to_it(worker):
    pass  # the fixture closes the connection and waits for the worker


def test_preloading_leaves_what_is_missing_for_the_worker_to_report():
    before = torch.get_num_threads()
    preload("no such task", "no such family")
    preload("image_classification", "rigged")
    torch.set_num_threads(before)
