from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from nasflow.processes import ProcessStamp, await_unlocked, machine, start_of


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield process
    process.kill()
    process.wait()


def test_this_process_is_alive_and_local() -> None:
    stamp = ProcessStamp.here()
    assert stamp.pid == os.getpid()
    assert stamp.local
    assert stamp.alive


def test_stamp_survives_json_with_more_in_it() -> None:
    stamp = ProcessStamp.here()
    document = json.loads(json.dumps({**stamp.to_json(), "command": "nasflow run"}))
    assert ProcessStamp.from_json(document) == stamp


@pytest.mark.parametrize("damage", [{"pid": None}, {"pid": "x"}])
def test_damaged_stamp_is_refused(damage: dict[str, object]) -> None:
    with pytest.raises((TypeError, ValueError)):
        ProcessStamp.from_json({**ProcessStamp.here().to_json(), **damage})
    with pytest.raises(KeyError):
        ProcessStamp.from_json({"pid": 1})


def test_killed_process_is_gone_even_while_its_parent_has_not_collected_it(
    sleeper: subprocess.Popen[bytes],
) -> None:
    stamp = replace(ProcessStamp.here(), pid=sleeper.pid, started=start_of(sleeper.pid) or "")
    assert stamp.alive
    sleeper.kill()
    while stamp.alive:  # the kernel needs a moment; nobody has waited for the process, so it stays as a zombie
        time.sleep(0.01)
    assert start_of(sleeper.pid) is None


def test_recycled_number_is_noticed(sleeper: subprocess.Popen[bytes]) -> None:
    earlier = replace(ProcessStamp.here(), pid=sleeper.pid, started="ticks:1")
    assert start_of(sleeper.pid) is not None
    assert not earlier.alive


def test_unused_number_has_no_start() -> None:
    assert start_of(2**22 + 1) is None


def test_another_machine_is_not_this_one() -> None:
    assert not replace(ProcessStamp.here(), machine="0" * 16).local
    assert machine() == machine()


def test_start_is_the_same_from_outside(sleeper: subprocess.Popen[bytes]) -> None:
    code = f"from nasflow.processes import start_of; print(start_of({sleeper.pid}))"
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert seen == start_of(sleeper.pid)


def test_the_end_of_a_process_is_noticed(sleeper: subprocess.Popen[bytes]) -> None:
    stamp = ProcessStamp("host", machine(), sleeper.pid, start_of(sleeper.pid) or "")
    waiting = threading.Thread(target=stamp.await_end)
    waiting.start()
    waiting.join(0.2)
    assert waiting.is_alive()
    sleeper.kill()
    waiting.join(30)
    assert not waiting.is_alive()
    stamp.await_end()  # gone already: no waiting


def test_without_the_kernels_help_it_looks_again_and_again(
    sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    stamp = ProcessStamp("host", machine(), sleeper.pid, start_of(sleeper.pid) or "")
    sleeper.kill()
    stamp.await_end()
    assert not stamp.alive


def test_a_process_ends_with_the_one_it_is_bound_to(sleeper: subprocess.Popen[bytes]) -> None:
    stamp = ProcessStamp("host", machine(), sleeper.pid, start_of(sleeper.pid) or "")
    program = (
        "import json, sys, time\n"
        "from nasflow.processes import ProcessStamp, end_with\n"
        "end_with(ProcessStamp.from_json(json.loads(sys.argv[1])))\n"
        "print('bound', flush=True)\n"
        "time.sleep(600)"
    )
    command = [sys.executable, "-c", program, json.dumps(stamp.to_json())]
    bound = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert bound.stdout is not None
    assert bound.stdout.readline() == b"bound\n"
    sleeper.kill()
    assert bound.wait(timeout=30) == 1
    late = subprocess.run(command, capture_output=True)
    assert (late.returncode, late.stdout) == (1, b"")


def test_a_lock_is_shared_by_the_living_and_free_after_them(tmp_path: Path) -> None:
    path = tmp_path / "alive.lock"
    program = (
        "import sys\nfrom pathlib import Path\nfrom nasflow.processes import shared_lock\n"
        "shared_lock(Path(sys.argv[1]))\nprint('held', flush=True)\nsys.stdin.read()"
    )
    assert await_unlocked(path, 0.0)
    holders = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for holder in holders:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
    for holder in holders:
        assert not await_unlocked(path, 0.05)
        holder.kill()
        holder.communicate()
    assert await_unlocked(path, 0.0)
