"""The lease of a run on a cluster, with pods that come, go silent and are taken over."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from nasflow.engine import run_lease as module
from nasflow.engine.lease import EXPIRE_SECONDS, Holder, hold
from nasflow.engine.run_lease import RUN_VARIABLE, RunLease, keep_for_run
from nasflow.errors import HeldError, StorageError
from nasflow.storage.file import FileStore

KEY = "searches/abc/lease.json"


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path)


class Clock:
    """A clock that goes on while somebody waits, when something may happen."""

    def __init__(self) -> None:
        self.now = 0.0
        self.happens: dict[float, object] = {}

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds
        for moment in [each for each in self.happens if each <= self.now]:
            self.happens.pop(moment)()  # type: ignore[operator]


def pod(store: FileStore, run: str, host: str = "pod-1") -> RunLease:
    """Return the lease as a pod on a machine of its own has it: process 1 of that, as all pods' are."""
    lease = RunLease(store, KEY, run)
    process = replace(lease._here.process, host=host, machine=f"machine of {host}", pid=1, started="ticks:1")
    lease._here = replace(lease._here, process=process)
    return lease


def present(store: FileStore) -> Holder:
    content = store.get(KEY)
    assert content is not None
    return Holder.unpack(KEY, content)


def take(lease: RunLease, clock: Clock | None = None) -> float:
    clock = clock or Clock()
    lease.take("search 'pets'", clock.wait, clock)
    return clock.now


def test_pods_of_one_run_share_it(store: FileStore) -> None:
    one, two = pod(store, "r1", "pod-1"), pod(store, "r1", "pod-2")
    assert take(one) == take(two) == 0.0
    assert present(store).process.host == "pod-2"
    assert one.renew() is None
    assert present(store).process.host == "pod-1"
    assert two.renew() is None


def test_another_run_is_refused_while_a_pod_lives(store: FileStore) -> None:
    first, clock = pod(store, "r1"), Clock()
    take(first)
    clock.happens[19.0] = first.renew
    with pytest.raises(HeldError) as told:
        take(pod(store, "r2", "pod-2"), clock)
    assert str(told.value).startswith("search 'pets' is held by process 1 on 'pod-1' since ")
    assert "(command: run r1 of Kubeflow Pipelines), which lives; wait until it ends" in str(told.value)
    assert clock.now < EXPIRE_SECONDS
    assert first.renew() is None


def test_a_dead_pod_s_lease_ends_within_the_stated_time(store: FileStore) -> None:
    first, second = pod(store, "r1"), pod(store, "r2", "pod-2")
    take(first)
    waited = take(second)
    assert EXPIRE_SECONDS <= waited <= EXPIRE_SECONDS + module.LOOK_SECONDS
    assert present(store).process.host == "pod-2"
    assert str(first.renew()).startswith("process 1 on 'pod-2'")  # and so the first one ends
    assert second.renew() is None


@pytest.mark.parametrize("skew", [-7200.0, 7200.0])
def test_clocks_need_not_agree(store: FileStore, skew: float) -> None:
    first = pod(store, "r1")
    take(first)
    store.put(KEY, replace(present(store), renewed=time.time() + skew).pack())
    clock = Clock()
    clock.happens[40.0] = first.renew
    with pytest.raises(HeldError):
        take(pod(store, "r2", "pod-2"), clock)


def test_of_two_who_watched_a_dead_pod_one_gets_it(store: FileStore) -> None:
    take(pod(store, "r1"))
    second, third = pod(store, "r2", "pod-2"), pod(store, "r3", "pod-3")
    clock = Clock()
    clock.happens[EXPIRE_SECONDS] = lambda: take(second)
    with pytest.raises(HeldError, match="pod-2"):
        take(third, clock)
    assert second.renew() is None
    assert third.renew() is not None


def test_a_container_that_was_started_again_in_its_pod_goes_on_at_once(store: FileStore) -> None:
    """Same host, same process number; where the run is another one, its start tells them apart."""
    store.put(KEY, replace(Holder.here("old"), process=replace(Holder.here().process, started="ticks:1")).pack())
    assert take(pod(store, "r1")) == 0.0


def test_a_released_or_missing_lease_is_free(store: FileStore) -> None:
    assert take(pod(store, "r1")) == 0.0
    store.put(KEY, replace(present(store), released=True).pack())
    assert take(pod(store, "r2", "pod-2")) == 0.0


def test_a_command_elsewhere_and_a_run_keep_each_other_out(store: FileStore) -> None:
    with hold(store, KEY), pytest.raises(HeldError, match="process"):
        take(pod(store, "r1"))
    take(pod(store, "r1"))
    with pytest.raises(HeldError, match="run r1 of Kubeflow Pipelines"), hold(store, KEY):
        pass


def test_a_lease_that_was_taken_away_is_lost(store: FileStore) -> None:
    lease = pod(store, "r1")
    take(lease)
    store.delete(KEY)
    assert lease.renew() == "nobody (its lease was taken away)"


def test_without_a_run_nothing_is_held(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    for value in (None, ""):  # empty where an installation writes no such label
        monkeypatch.delenv(RUN_VARIABLE, raising=False) if value is None else monkeypatch.setenv(RUN_VARIABLE, value)
        assert keep_for_run(store, KEY, "search 'pets'") is None
    assert store.get(KEY) is None


PROGRAM = """
import sys, time
from nasflow.engine import run_lease
from nasflow.storage import open_store
run_lease.RENEW_SECONDS = 0.05
run_lease.keep_for_run(open_store(sys.argv[1]), sys.argv[2], "search 'pets'")
print("held", flush=True)
time.sleep(60)
"""


def test_a_pod_that_loses_it_ends_with_a_sentence(store: FileStore) -> None:
    environment = os.environ | {RUN_VARIABLE: "r1"}
    command = [sys.executable, "-c", PROGRAM, store.url, KEY]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    first = present(store)
    while present(store).renewed == first.renewed:
        time.sleep(0.01)
    other = pod(store, "r2", "pod-2")
    store.put(KEY, other._here.pack())
    _, said = process.communicate(timeout=30)
    assert process.returncode == HeldError.exit_code
    assert said.startswith("nasflow: this run has lost the search to process 1 on 'pod-2'")
    assert other.renew() is None


def test_a_store_that_is_away_for_a_while_ends_nothing(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    lease = pod(store, "r1")
    take(lease)
    ends: list[int] = []
    looks: list[None] = []

    def renew(self: RunLease) -> str | None:
        looks.append(None)
        if len(looks) < 4:
            raise StorageError("away")
        return "somebody"

    monkeypatch.setattr(module, "RENEW_SECONDS", 0.001)
    monkeypatch.setattr(RunLease, "renew", renew)
    monkeypatch.setattr(os, "_exit", ends.append)
    lease._keep()
    assert len(looks) == 4
    assert ends == [HeldError.exit_code]
