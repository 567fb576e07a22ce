from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from nasflow.processes import ProcessStamp, machine, start_of


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
