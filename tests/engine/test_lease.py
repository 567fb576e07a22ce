from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from nasflow.engine import lease as module
from nasflow.engine.lease import EXPIRE_SECONDS, HOLDER_VARIABLE, Holder, hold, inherited
from nasflow.errors import HeldError, IntegrityError, StorageError
from nasflow.storage.file import FileStore

KEY = "searches/abc/lease.json"

HOLD = """
import sys, time
from nasflow.engine.lease import hold
from nasflow.errors import HeldError
from nasflow.storage import open_store
try:
    with hold(open_store(sys.argv[1]), "searches/abc/lease.json") as lease:
        print("held", lease.token, lease.own, flush=True)
        time.sleep(float(sys.argv[2]))
except HeldError as error:
    print("refused", error, flush=True)
"""


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path)


@pytest.fixture
def start(store: FileStore) -> Iterator[object]:
    with ExitStack() as stack:

        def run(seconds: float, **variables: str) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [sys.executable, "-c", HOLD, store.url, str(seconds)],
                stdout=subprocess.PIPE,
                text=True,
                env={**os.environ, **variables},
            )
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        yield run


def present(store: FileStore) -> Holder:
    content = store.get(KEY)
    assert content is not None
    return Holder.unpack(KEY, content)


def elsewhere(age: float) -> Holder:
    """A holder on another machine whose last sign of life is `age` seconds old."""
    here = Holder.here("nasflow run far.yaml")
    process = replace(here.process, host="far", machine="0" * 16, pid=77)
    return replace(here, process=process, renewed=time.time() - age, since=0.0)


def test_second_holder_is_told_who_holds(store: FileStore) -> None:
    with hold(store, KEY, Holder.here("nasflow run digits.yaml")) as lease:
        assert lease.own
        assert not lease.lost
        with pytest.raises(HeldError) as raised, hold(store, KEY):
            pass
        text = str(raised.value)
        assert text.startswith(f"the search is held by process {os.getpid()} on '")
        assert "(command: nasflow run digits.yaml)" in text
        assert time.strftime("since %Y-%m-%d") in text
        assert "wait until it ends, or stop that process" in text
        assert "\n" not in text
    assert present(store).released
    with hold(store, KEY):
        pass


def test_what_is_held_is_named(store: FileStore) -> None:
    with (
        hold(store, KEY),
        pytest.raises(HeldError, match=r"^search 'digits' is held by"),
        hold(store, KEY, purpose="search 'digits'"),
    ):
        pass


def test_an_error_inside_gives_the_lease_back(store: FileStore) -> None:
    with pytest.raises(RuntimeError), hold(store, KEY):
        raise RuntimeError
    with hold(store, KEY):
        pass


def test_other_processes_are_refused_and_the_killed_replaced_at_once(store: FileStore, start) -> None:
    first = start(60)
    assert first.stdout.readline().startswith("held")
    second = start(0)
    assert second.stdout.readline().startswith(f"refused the search is held by process {first.pid} ")
    first.send_signal(signal.SIGKILL)
    while not module._ended(present(store)):  # not collected by us: a zombie
        time.sleep(0.01)
    with hold(store, KEY) as lease:
        assert lease.own
        assert present(store).token == lease.token


def test_stopped_process_still_holds(store: FileStore, start) -> None:
    first = start(60)
    first.stdout.readline()
    first.send_signal(signal.SIGSTOP)
    with pytest.raises(HeldError), hold(store, KEY):
        pass


def test_recycled_process_number_does_not_hold(store: FileStore) -> None:
    mine = Holder.here()
    store.put(KEY, replace(mine, process=replace(mine.process, started="ticks:1")).pack())
    with hold(store, KEY) as lease:
        assert lease.own


def test_one_of_many_at_once_gets_it(store: FileStore, start) -> None:
    dead = Holder.here()
    store.put(KEY, replace(dead, process=replace(dead.process, started="ticks:1")).pack())
    lines = [process.stdout.readline().split()[0] for process in [start(30) for _ in range(6)]]
    assert sorted(lines) == ["held"] + ["refused"] * 5


def test_far_holder_is_respected_while_it_shows_life(store: FileStore) -> None:
    store.put(KEY, elsewhere(EXPIRE_SECONDS - 20).pack())
    with pytest.raises(HeldError, match=r"process 77 on 'far'.*if it is gone already, run .* again 60 seconds after"):
        module._acquire(store, KEY, Holder.here(), "the search", wait=lambda seconds: None)


def test_far_holder_is_replaced_when_silent(store: FileStore) -> None:
    store.put(KEY, elsewhere(EXPIRE_SECONDS + 1).pack())
    waited: list[float] = []
    lease = module._acquire(store, KEY, Holder.here(), "the search", wait=waited.append)
    assert present(store).token == lease.token
    assert waited == [1.25 * module.RENEW_SECONDS]


@pytest.mark.parametrize("skew", [-3600.0, 3600.0])
def test_far_holder_with_a_wrong_clock_keeps_its_lease(store: FileStore, skew: float) -> None:
    far = elsewhere(skew)
    store.put(KEY, far.pack())

    def renew(seconds: float) -> None:
        assert store.replace(KEY, far.pack(), replace(far, renewed=far.renewed + 20).pack())

    with pytest.raises(HeldError, match="far"):
        module._acquire(store, KEY, Holder.here(), "the search", wait=renew)


def test_renewal_moves_the_sign_of_life(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RENEW_SECONDS", 0.01)
    with hold(store, KEY):
        first = present(store).renewed
        while present(store).renewed == first:
            time.sleep(0.005)


def test_loss_is_noticed_and_the_other_left_alone(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RENEW_SECONDS", 0.01)
    with hold(store, KEY) as lease:
        other = elsewhere(0)
        store.put(KEY, other.pack())
        while not lease.lost:
            time.sleep(0.005)
        with pytest.raises(HeldError, match="lost the search to process 77 on 'far'"):
            lease.check()
    assert present(store) == other


def test_deleted_lease_is_lost(store: FileStore) -> None:
    with hold(store, KEY) as lease:
        store.delete(KEY)
        with pytest.raises(HeldError, match="nobody"):
            lease.check()
        assert lease.lost
    assert store.get(KEY) is None


def test_store_that_is_away_for_a_while_loses_nothing(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RENEW_SECONDS", 0.01)
    failures: list[None] = []
    real = FileStore.replace

    def away(self: FileStore, key: str, expected: bytes, content: bytes) -> bool:
        if len(failures) < 3:
            failures.append(None)
            raise StorageError("away")
        return real(self, key, expected, content)

    monkeypatch.setattr(FileStore, "replace", away)
    with hold(store, KEY) as lease:
        first = present(store).renewed
        while present(store).renewed == first:
            time.sleep(0.005)
        assert len(failures) == 3
        assert not lease.lost


def test_children_act_under_the_lease(store: FileStore, start) -> None:
    with hold(store, KEY) as lease:
        child = start(0, **{HOLDER_VARIABLE: lease.token})
        assert child.stdout.readline().split() == ["held", lease.token, "False"]
        child.wait()
        assert not present(store).released
        stranger = start(0, **{HOLDER_VARIABLE: "another"})
        assert stranger.stdout.readline().startswith("refused")


def test_child_notices_that_its_parent_is_gone(store: FileStore, start, monkeypatch: pytest.MonkeyPatch) -> None:
    parent = start(60)
    token = parent.stdout.readline().split()[1]
    monkeypatch.setenv(HOLDER_VARIABLE, token)
    lease = inherited(store, KEY)
    assert lease is not None
    assert not lease.own
    lease.check()
    parent.kill()
    parent.wait()
    with pytest.raises(HeldError, match="has ended"):
        lease.check()
    assert lease.lost
    assert inherited(store, KEY) is None


def test_nothing_is_inherited_without_a_lease(store: FileStore, monkeypatch: pytest.MonkeyPatch) -> None:
    assert inherited(store, KEY) is None
    monkeypatch.setenv(HOLDER_VARIABLE, "token")
    assert inherited(store, KEY) is None
    with hold(store, KEY) as lease:
        assert lease.own


def test_damaged_lease_names_its_key(store: FileStore) -> None:
    store.put(KEY, b"{")
    with pytest.raises(IntegrityError, match=KEY), hold(store, KEY):
        pass


def test_the_thread_ends_with_the_context(store: FileStore) -> None:
    with hold(store, KEY) as lease:
        assert lease._thread.daemon
    lease._thread.join(timeout=10)
    assert not lease._thread.is_alive()


def test_odd_command_lines_can_be_stored() -> None:
    holder = Holder.here("nasflow run \udcff.yaml")
    assert Holder.unpack(KEY, holder.pack()) == holder
