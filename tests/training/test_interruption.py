"""The process that runs trials is killed, and the same call again ends as if nothing had happened."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import psutil
import pytest

from nasflow.training.events import Event, TrialFinished, TrialStarted
from nasflow.training.job import result_key
from nasflow.trials import Trial

OWNER = """
import json, sys
from nasflow.training.events import EpochFinished
from nasflow.training.job import TrainingJob
from nasflow.training.pool import run_trials
from nasflow.trials import Trial

job = TrainingJob.from_json(json.loads(sys.argv[1]))
trials = [Trial.from_json(trial) for trial in json.loads(sys.argv[2])]
run_trials(trials, job, lambda event: print(type(event).__name__, flush=True))
"""


def start(lab, trials: list[Trial], group: bool = False) -> subprocess.Popen[str]:
    arguments = [json.dumps(lab.job.to_json()), json.dumps([trial.to_json() for trial in trials])]
    return subprocess.Popen(
        [sys.executable, "-c", OWNER, *arguments], stdout=subprocess.PIPE, text=True, start_new_session=group
    )


def await_epochs(owner: subprocess.Popen[str], count: int) -> None:
    assert owner.stdout is not None
    for line in owner.stdout:
        count -= line.strip() == "EpochFinished"
        if count == 0:
            return
    raise AssertionError("ended too early")


@pytest.mark.parametrize("name", ["SIGKILL", pytest.param("SIGTERM", marks=pytest.mark.slow)])
def test_a_killed_owner_leaves_no_process_and_loses_no_epoch(lab, name):
    trials = [lab.trial("slow", epochs=4), lab.trial("slow", epochs=5, width=16), lab.trial("good", width=32)]
    undisturbed = lab.other("undisturbed").run(trials)
    owner = start(lab, trials)
    await_epochs(owner, 4)
    family = psutil.Process(owner.pid).children(recursive=True)
    owner.send_signal(getattr(signal, name))
    owner.wait()
    alive = psutil.wait_procs(family, timeout=30)[1]
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []
    assert len(family) >= 3
    events: list[Event] = []
    results = lab.run(trials, events)
    assert lab.timeless(results) == lab.timeless(undisturbed)
    resumed = sum(e.resumed_epoch for e in events if isinstance(e, TrialStarted))
    kept = sum(e.trial.fidelity.epochs for e in events if isinstance(e, TrialFinished) and e.reused)
    assert resumed + kept >= 4
    assert lab.checkpoints() == []


@pytest.mark.slow
def test_a_killed_group_records_no_failure(lab):
    """All at once, as `kill -9` of a process group does: no worker's end is taken for the fault of its trial."""
    trials = [lab.trial("slow", epochs=9), lab.trial("slow", epochs=9, width=16)]
    owner = start(lab, trials, group=True)
    await_epochs(owner, 2)
    family = psutil.Process(owner.pid).children(recursive=True)
    for process in reversed(family):  # workers first
        process.kill()
    owner.kill()
    owner.wait()
    psutil.wait_procs(family, timeout=30)
    assert [lab.store.get(result_key(trial.id)) for trial in trials] == [None, None]
    assert len(lab.checkpoints()) == 2
