"""The clock's method, what runs under it, and on what."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import onnxruntime
import pytest

from nasflow.errors import ConfigError
from nasflow.exporting import latency
from nasflow.exporting.latency import BLOCKS, LATENCY, REPEATS, SECONDS, WARM_UP, cpu_model, least_median
from nasflow.exporting.onnx import export_onnx
from nasflow.objectives.loading import load_measured
from nasflow.spaces import NetworkIO, SearchSpace, load_family
from nasflow.tasks.image_modules import ImageNetwork


class Clock:
    """A clock that stands still but for the runs, the durations of which are given."""

    def __init__(self, durations: Iterator[float]) -> None:
        self.now, self.runs, self._durations = 100.0, 0, durations

    def __call__(self) -> float:
        return self.now

    def run(self) -> None:
        self.runs += 1
        self.now += next(self._durations)


def test_slow_networks_run_in_the_least_number_of_blocks() -> None:
    clock = Clock(2.0 for _ in count())
    assert least_median(clock.run, clock) == pytest.approx(2.0)
    assert clock.runs == WARM_UP + BLOCKS * REPEATS


def test_fast_networks_run_for_the_whole_time() -> None:
    clock = Clock(0.001 for _ in count())
    assert least_median(clock.run, clock) == pytest.approx(0.001)
    assert clock.runs == pytest.approx(WARM_UP + SECONDS / 0.001, abs=2 * REPEATS)


def test_the_first_runs_do_not_count() -> None:
    clock = Clock(0.001 if n < WARM_UP else 2.0 for n in count())
    assert least_median(clock.run, clock) == pytest.approx(2.0)


def test_a_neighbour_that_disturbs_most_of_the_time_changes_nothing() -> None:
    """Nine of ten blocks take three times as long, and two runs of the tenth do."""
    calm = [WARM_UP + 7 * REPEATS + n for n in (0, 2, 4)]
    clock = Clock(1.0 if n in calm else 3.0 for n in count())
    assert least_median(clock.run, clock) == pytest.approx(1.0)


def test_one_lucky_run_does_not_count() -> None:
    clock = Clock(0.1 if n == WARM_UP + 8 else 2.0 for n in count())
    assert least_median(clock.run, clock) == pytest.approx(2.0)


def made(folder: Path, width: int) -> tuple[Path, NetworkIO]:
    io = NetworkIO(3, 16, 4)
    space = SearchSpace.of("mlp", io, {"widths": [width], "max_depth": 1})
    body = load_family("mlp").build(space.at(0).form, io)
    path = folder / f"{width}.onnx"
    export_onnx(ImageNetwork(body, [0.5] * 3, [0.2] * 3, None), io, path)
    return path, io


def test_a_network_of_a_hundred_times_the_work_takes_longer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latency, "SECONDS", 0.05)
    small, large = (LATENCY.measure(*made(tmp_path, width)) for width in (16, 4096))
    assert 0 < small < large


def test_one_image_goes_through_one_thread_of_the_cpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    real = onnxruntime.InferenceSession

    def session(path: str, options: onnxruntime.SessionOptions, providers: list[str]) -> onnxruntime.InferenceSession:
        asked.append((options.intra_op_num_threads, options.inter_op_num_threads, tuple(providers)))
        return real(path, options, providers=providers)

    monkeypatch.setattr(onnxruntime, "InferenceSession", session)
    monkeypatch.setattr(latency, "SECONDS", 0.0)
    LATENCY.measure(*made(tmp_path, 16))
    assert asked == [(1, 1, ("CPUExecutionProvider",))]


def test_the_device_names_cpu_and_runtime() -> None:
    assert LATENCY.device() == f"{cpu_model()}, ONNX Runtime {onnxruntime.__version__}"
    assert cpu_model().strip()


def test_without_onnx_runtime_it_is_refused_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ConfigError, match="'latency' is measured with ONNX Runtime, which cannot be imported here"):
        LATENCY.device()


@pytest.mark.parametrize(
    ("text", "model"),
    [
        (
            "model name\t: AMD EPYC\ncpu family\t: 25\nmodel\t\t: 17\nstepping\t: 1\n\nmodel name\t: x\n",
            "AMD EPYC (25/17/1)",
        ),
        ("processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd40\n", "(0x41/0xd40)"),
        ("processor\t: 0\n", ""),
    ],
)
def test_the_cpu_is_read_as_linux_tells_it(monkeypatch: pytest.MonkeyPatch, text: str, model: str) -> None:
    monkeypatch.setattr(Path, "read_text", lambda *args, **kwargs: text)
    assert latency._told_by_linux() == model


def test_it_is_installed_under_its_name() -> None:
    assert load_measured("latency") is LATENCY
