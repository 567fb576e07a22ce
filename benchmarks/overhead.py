"""How long the digits pipeline takes beside its training: wall time less the union of the intervals of all epochs.

    python benchmarks/overhead.py [SEARCH.yaml]

It runs the search in a fresh store as a user would, then prints the wall time, the seconds in which any epoch ran (of
trials, finalists and the reference), the difference, and when each step of the pipeline began and ended.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

from nasflow.storage import open_store
from nasflow.storage.documents import read_json
from nasflow.trials import TrialResult

Interval = tuple[float, float]
_STARTED = re.compile(r"(\d\d:\d\d:\d\d\.\d+) - INFO - Executing task \W*(?:\[\d+m)?'([^']+)'")
_ENDED = re.compile(r"(\d\d:\d\d:\d\d\.\d+) - INFO - Task \W*(?:\[\d+m)?'([^']+)'.* finished")


def epochs(store_folder: Path) -> list[Interval]:
    """Return start and end of every epoch of every result."""
    store = open_store(str(store_folder))
    found = []
    for key in store.keys("results/"):
        result = TrialResult.from_json(read_json(store, key) or {})
        found += [(point.started_at, point.finished_at) for point in result.curve]
    return found


def union(intervals: list[Interval]) -> float:
    """Return the seconds that are in at least one interval."""
    total, end = 0.0, float("-inf")
    for start, stop in sorted(intervals):
        total += max(0.0, stop - max(start, end))
        end = max(end, stop)
    return total


def steps(log: str, began: float) -> list[tuple[str, float, float]]:
    """Return the steps of a pipeline's log with start and end, in seconds since the command began."""
    day = datetime.fromtimestamp(began)
    midnight = day.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()

    def moment(text: str) -> float:
        hours, minutes, seconds = text.split(":")
        return midnight + int(hours) * 3600 + int(minutes) * 60 + float(seconds) - began

    started = {name: moment(at) for at, name in _STARTED.findall(log)}
    ended = {name: moment(at) for at, name in _ENDED.findall(log)}
    return [(name, at, ended.get(name, float("nan"))) for name, at in started.items()]


def main(config: Path) -> None:
    """Measure one search."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"} | {"TZ": "UTC"}
        load = os.getloadavg()[0]
        began = time.time()
        command = [sys.executable, "-m", "nasflow.cli.main", "run", str(config.resolve())]
        code = subprocess.run(command, cwd=folder, env=environment, check=False).returncode
        wall = time.time() - began
        store = Path(folder, "nasflow-store")
        os.environ["TZ"] = "UTC"
        time.tzset()
        print(f"\nexit status {code}, load before {load:.1f}, {os.cpu_count()} cores")
        intervals = epochs(store)
        training = union(intervals)
        first = min(start for start, _ in intervals) - began
        last = max(end for _, end in intervals) - began
        for log in sorted(store.glob("local/pipelines/*/log.txt")):
            for name, start, end in steps(log.read_text(errors="replace"), began):
                inside = union(
                    [
                        (max(a, began + start), min(b, began + end))
                        for a, b in intervals
                        if a < began + end and b > began + start
                    ]
                )
                took = f"{end - start:6.1f} s, of them training {inside:6.1f} s"
                print(f"{start:7.1f} s to {end:7.1f} s: {took}  {name}")
        print(f"wall time            {wall:7.1f} s (first epoch at {first:.1f} s, last one over at {last:.1f} s)")
        print(f"any epoch running    {training:7.1f} s")
        print(f"the rest             {wall - training:7.1f} s")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "examples" / "digits.yaml")
