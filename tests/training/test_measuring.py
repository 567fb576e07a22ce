"""Networks are measured one by one in a process of its own, whatever becomes of that."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing import Pipe
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from nasflow.errors import ConfigError, IntegrityError
from nasflow.spaces import Architecture
from nasflow.testing.plugins import installed
from nasflow.testing.rigged import rigged
from nasflow.training import measuring
from nasflow.training.crew import rebuilt
from nasflow.training.measuring import Measurement, measure_networks
from nasflow.trials import Status

STRANGER = """
import os, signal, time
from pathlib import Path

class Moody:
    direction, unit, version = "minimize", "", 1
    def device(self):
        return "any"
    def measure(self, onnx, io):
        log = Path(__file__).with_name("log")
        with log.open("a") as file:
            file.write(f"{os.getpid()}\\n")
        mood = Path(__file__).with_name("mood")
        word = mood.read_text() if mood.exists() else ""
        if word == "once":
            mood.write_text("")
        if word in ("once", "always"):
            os.kill(os.getpid(), signal.SIGKILL)
        if word == "hang":
            mood.write_text("")
            time.sleep(3600)
        return len(log.read_text().splitlines())

MOODY = Moody()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("moody")
    (root / "moody_measure.py").write_text(STRANGER)
    with installed(root, {"objectives": {"moody": "moody_measure:MOODY"}}, name="moody"):
        yield root


@pytest.fixture
def mood(folder: Path) -> Path:
    for name in ("mood", "log"):
        (folder / name).unlink(missing_ok=True)
    return folder / "mood"


def run(
    lab: Any, *architectures: Architecture, names: tuple[str, ...] = ("moody",), **options: Any
) -> list[Measurement]:
    found: list[Measurement] = []
    measure_networks(lab.job, architectures, names, found.append, **options)
    assert [one.architecture for one in found] == list(architectures)
    return found


def processes(mood: Path) -> list[str]:
    return mood.with_name("log").read_text().split()


def test_all_are_measured_in_order_in_one_other_process(lab: Any, mood: Path) -> None:
    found = run(lab, rigged("good", 8), rigged("good", 16), rigged("good", 24))
    assert [one.values for one in found] == [{"moody": 1.0}, {"moody": 2.0}, {"moody": 3.0}]
    assert {one.status for one in found} == {Status.COMPLETED}
    assert len(set(processes(mood))) == 1


def test_latency_is_measured_for_real(lab: Any) -> None:
    (one,) = run(lab, rigged("good"), names=("latency",))
    assert 0 < one.values["latency"] < 1000


def test_one_that_cannot_be_built_is_told_and_the_others_go_on(lab: Any, mood: Path) -> None:
    first, bad, last = run(lab, rigged("good", 8), rigged("unbuilt"), rigged("good", 16))
    assert (bad.status, dict(bad.values)) == (Status.CRASHED, {})
    assert bad.cause.startswith("ValueError: rigged: cannot be built (")
    assert first.values
    assert last.values
    assert len(set(processes(mood))) == 1


def test_bad_luck_is_given_a_second_chance(lab: Any, mood: Path) -> None:
    mood.write_text("once")
    (one,) = run(lab, rigged("good"))
    assert one.values == {"moody": 2.0}
    assert len(set(processes(mood))) == 2


def test_who_takes_its_process_along_twice_has_failed(lab: Any, mood: Path) -> None:
    mood.write_text("always")
    (one,) = run(lab, rigged("good"))
    assert (one.status, one.cause) == (Status.CRASHED, "its process was killed by signal 9 (SIGKILL)")
    mood.unlink()
    assert run(lab, rigged("good"))[0].values


def test_who_takes_too_long_is_ended_and_the_others_go_on(lab: Any, mood: Path) -> None:
    assert run(lab, rigged("good"))[0].values  # from here on a process starts at once
    mood.write_text("hang")
    late, next_ = run(lab, rigged("good", 8), rigged("good", 16), seconds=5)
    assert (late.status, late.cause) == (Status.TIMED_OUT, "it could not be measured within 5 seconds")
    assert next_.values


def test_trials_train_after_it_with_the_same_launcher(lab: Any, mood: Path) -> None:
    mood.write_text("once")
    run(lab, rigged("good"))
    (result,) = lab.run([lab.trial("good", epochs=1)])
    assert result.status is Status.COMPLETED


def test_nothing_to_measure_starts_nothing(lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "borrowed", None)
    assert run(lab) == []


def test_missing_data_are_nobodys_failure(lab: Any, tmp_path: Path) -> None:
    job = replace(lab.job, bundle=tmp_path / "nowhere")
    with pytest.raises(IntegrityError, match="nowhere"):
        measure_networks(job, [rigged("good")], ["moody"], lambda one: None)


def test_an_error_keeps_its_kind_on_the_way() -> None:
    error = rebuilt({"kind": "broken", "error": "ConfigError", "text": "one\ntwo"})
    assert isinstance(error, ConfigError)
    assert error.problems == ("one", "two")


def test_the_process_ends_when_nobody_listens_any_more(lab: Any, mood: Path) -> None:
    ours, theirs = Pipe()
    first = {"measure": ["moody"], "job": lab.job.to_json()}
    thread = Thread(target=measuring.serve, args=(first, theirs))
    thread.start()
    ours.send_bytes(json.dumps({"architecture": rigged("good").to_json()}).encode())
    assert json.loads(ours.recv_bytes()) == {"values": {"moody": 1.0}, "status": "completed", "cause": ""}
    ours.close()
    thread.join(timeout=30)
    assert not thread.is_alive()
