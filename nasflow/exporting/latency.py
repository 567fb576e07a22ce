"""The objective `latency`: milliseconds in which ONNX Runtime answers one image on one thread."""

from __future__ import annotations

import platform
import subprocess
import time
from functools import cache
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from nasflow.errors import ConfigError
from nasflow.exporting.onnx import INPUT, OUTPUT
from nasflow.objectives import Direction
from nasflow.spaces import NetworkIO

if TYPE_CHECKING:
    from collections.abc import Callable

WARM_UP = 5
"""Runs before the first that counts."""

REPEATS = 5
"""Runs of a block; its median counts."""

BLOCKS = 10
"""Least number of blocks; the least of their medians is the latency."""

SECONDS = 0.5
"""Blocks go on for so long, so that fast networks outlast the bursts of a neighbour."""

_NUMBERS = ("cpu family", "model", "stepping", "CPU implementer", "CPU part")


class Latency:
    """Milliseconds a network needs for one image, with ONNX Runtime on one CPU thread.

    What is timed is what is served: the exported file, a batch of one image of the stored size as uint8, with the CPU's
    provider and one thread within and between operators. After 5 runs to warm up, blocks of 5 runs follow for half a
    second, at least 10; the latency is the least of the blocks' medians. A median alone moves with whoever else uses
    the machine, for as long as they do; a short block is over before they come in again. On two cores with seven
    busy processes, networks of 0.2 to 1 ms repeat within 2 %, rarely 8 %; the median of the same runs varies by 50 %.
    """

    direction: Direction = "minimize"
    unit = "ms"
    version = 1

    def device(self) -> str:
        """Return the model of the CPU and the version of ONNX Runtime.

        Raises:
            ConfigError: ONNX Runtime cannot be imported.
        """
        try:
            import onnxruntime
        except ImportError as error:
            raise ConfigError(
                [f"objectives: 'latency' is measured with ONNX Runtime, which cannot be imported here: {error}."]
            ) from error
        return f"{cpu_model()}, ONNX Runtime {onnxruntime.__version__}"

    def measure(self, onnx: Path, io: NetworkIO) -> float:
        """Return the latency in milliseconds.

        Args:
            onnx: The network as `export_onnx` writes it.
            io: What goes in as it is stored.
        """
        session = single_threaded(onnx)
        image = np.random.default_rng(0).integers(0, 256, (1, io.size, io.size, io.channels), dtype=np.uint8)
        return 1000 * least_median(lambda: session.run([OUTPUT], {INPUT: image}))


LATENCY = Latency()


def single_threaded(onnx: Path) -> Any:
    """Return an ONNX Runtime session of one CPU thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(onnx), options, providers=["CPUExecutionProvider"])


def least_median(run: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Return the seconds that a function takes, by the method of `Latency`.

    Args:
        run: The function.
        clock: Gives seconds from any start.
    """
    for _ in range(WARM_UP):
        run()
    medians: list[float] = []
    start = clock()
    while len(medians) < BLOCKS or clock() - start < SECONDS:
        times = []
        for _ in range(REPEATS):
            before = clock()
            run()
            times.append(clock() - before)
        medians.append(median(times))
    return min(medians)


@cache
def cpu_model() -> str:
    """Return the model of this machine's CPU, as far as the system tells."""
    told = _told_by_linux() if platform.system() == "Linux" else _told_by_macos()
    return told or platform.processor() or platform.machine()


def _told_by_linux() -> str:
    """Return the model's name and numbers; virtual machines often give one name to several models."""
    try:
        text = Path("/proc/cpuinfo").read_text(errors="replace")
    except OSError:
        return ""
    lines = (line.partition(":") for line in text.split("\n\n")[0].splitlines())
    fields = {name.strip(): value.strip() for name, _, value in lines}
    name = fields.get("model name", "")
    numbers = [
        fields[part] for part in ("cpu family", "model", "stepping", "CPU implementer", "CPU part") if part in fields
    ]
    return " ".join(part for part in (name, f"({'/'.join(numbers)})" if numbers else "") if part)


def _told_by_macos() -> str:
    try:
        told = subprocess.run(["sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return told.stdout.strip()
