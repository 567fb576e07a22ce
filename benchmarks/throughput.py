"""How many trials an hour the trial loop trains, against the plain way: one process a trial, ImageFolder, DataLoader.

    python benchmarks/throughput.py IMAGE_FOLDER [--trials 12] [--images 10000] [--epochs 2]

Both train the same networks of the family `cnn` (sampled with seed 0) on the same images for the same epochs with the
same recipe, and validate after each epoch. The folder is one such as CIFAR-10's, `train/<class>/*.jpg` and
`test/<class>/*.jpg`. The two ways take turns, a few trials each, so that what else the machine does weighs on both
alike. Printed are trials an hour, their ratio, with and without the preparation of the data that only nasflow needs,
the difference in accuracy, and which share of the machine's measured convolution rate the training reaches.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from nasflow.config import SearchConfig, config_from
from nasflow.data.bundle import DataBundle
from nasflow.data.prepare import prepare
from nasflow.spaces import SearchSpace, cost_of
from nasflow.tasks.loading import load_task
from nasflow.training.identity import trial_context, trial_of
from nasflow.training.job import TrainingJob
from nasflow.training.pool import release, run_trials
from nasflow.trials import Candidate, Fidelity, Trial

_CONVOLUTION = """
import time, torch
torch.set_num_threads(1)
x = torch.randn(64, 64, 32, 32, requires_grad=True).to(memory_format=torch.channels_last)
layer = torch.nn.Conv2d(64, 64, 3, padding=1, bias=False).to(memory_format=torch.channels_last)
def work():
    y = layer(x)
    y.backward(y)
work()
start, count = time.perf_counter(), 0
while time.perf_counter() - start < 4:
    work()
    count += 1
print(count * 3 * 2 * 64 * 64 * 64 * 9 * 32 * 32 / (time.perf_counter() - start) / 1e9)
"""
"""Forward and backward of a 3×3 convolution of 64 channels on 32×32, batch 64, on one thread: GFLOP/s, where a
multiply-accumulate counts as two."""


def convolution_rate(processes: int) -> float:
    """Return the GFLOP/s that as many single-threaded processes reach together."""
    running = [
        subprocess.Popen([sys.executable, "-c", _CONVOLUTION], stdout=subprocess.PIPE, text=True)
        for _ in range(processes)
    ]
    return sum(float(process.communicate()[0]) for process in running)


def plain_trial(trial: Trial, bundle: DataBundle, folder: Path, images: int, scratch: Path) -> float:
    """Train a trial the plain way; return its accuracy on validation."""
    task = {
        "family": trial.architecture.family,
        "form": dict(trial.architecture.form),
        "folder": str(folder),
        "train": [Path(name).relative_to("train").as_posix() for name in bundle.names("train")[:images]],
        "val": [Path(name).relative_to("train").as_posix() for name in bundle.names("val")],
        "epochs": trial.fidelity.epochs,
        "size": bundle.size,
        "outputs": len(bundle.classes),
        "mean": [value / 255 for value in bundle.mean],
        "std": [value / 255 for value in bundle.std],
        "seed": trial.seed % 2**31,
    }
    file = scratch / "trial.json"
    file.write_text(json.dumps(task), encoding="utf-8")
    script = Path(__file__).with_name("plain_trial.py")
    done = subprocess.run([sys.executable, str(script), str(file)], capture_output=True, text=True, check=True)
    return float(done.stdout.splitlines()[-1])


def work(trial: Trial, bundle: DataBundle, images: int) -> float:
    """Return the FLOPs of a trial: three times the forward pass for each training sample, once for validation."""
    io = load_task(_config(Path())).io(bundle)
    samples = 3 * images + len(bundle.targets("val"))
    return 2.0 * cost_of(trial.architecture, io).flops * samples * trial.fidelity.epochs


def _config(folder: Path) -> SearchConfig:
    return config_from(
        {"name": "throughput", "data": str(folder), "space": "cnn", "training": {"augment": {"flip": True}}}
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--turns", type=int, default=3, help="how often the two ways take turns")
    asked = parser.parse_args()
    folder = asked.folder.resolve()
    config = _config(folder)
    with tempfile.TemporaryDirectory() as temporary:
        scratch = Path(temporary)
        began = time.perf_counter()
        bundle = prepare(config.data, scratch, scratch / "data")
        preparation = time.perf_counter() - began
        images = min(asked.images, len(bundle.targets("train")))
        space = SearchSpace.of("cnn", load_task(config).io(bundle))
        rng = random.Random(0)
        fidelity = Fidelity(asked.epochs, asked.epochs, images / len(bundle.targets("train")))
        context = trial_context(config, bundle.fingerprint, "any")
        trials = [trial_of(Candidate(space.sample(rng), fidelity), 0, context) for _ in range(asked.trials)]
        job = TrainingJob(config, bundle.root, str(scratch / "store"))
        seconds = {"nasflow": 0.0, "plain": 0.0}
        ours: list[float] = []
        theirs: list[float] = []
        rates = [convolution_rate(config.workers)]
        for turn in range(asked.turns):
            part = trials[turn :: asked.turns]
            began = time.perf_counter()
            results = run_trials(part, job, lambda event: None)
            release()
            seconds["nasflow"] += time.perf_counter() - began
            ours += [result.metrics.get("val_accuracy", math.nan) for result in results]
            began = time.perf_counter()
            theirs += [plain_trial(trial, bundle, folder / "train", images, scratch) for trial in part]
            seconds["plain"] += time.perf_counter() - began
            rates.append(convolution_rate(config.workers))
            print(f"turn {turn + 1}: {', '.join(f'{way} {s:.1f} s' for way, s in seconds.items())} so far", flush=True)
        flops = sum(work(trial, bundle, images) for trial in trials)
    _tell_speed(seconds, preparation, len(trials), flops / 1e9, statistics.median(rates))
    _tell_accuracy(ours, theirs)


def _tell_speed(seconds: dict[str, float], preparation: float, count: int, gflop: float, rate: float) -> None:
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {count} trials")
    for name, spent in seconds.items():
        reached = gflop / spent
        print(f"{name:8} {count / spent * 3600:7.1f} trials an hour, {spent:6.1f} s, {reached:6.1f} GFLOP/s, ", end="")
        print(f"{reached / rate:.0%} of the convolution rate ({rate:.0f} GFLOP/s)")
    print(f"ratio    {seconds['plain'] / seconds['nasflow']:.2f}; ", end="")
    print(f"{seconds['plain'] / (seconds['nasflow'] + preparation):.2f} with {preparation:.1f} s of preparation")


def _tell_accuracy(ours: list[float], theirs: list[float]) -> None:
    differences = [a - b for a, b in zip(ours, theirs, strict=True)]
    error = statistics.stdev(differences) / math.sqrt(len(differences))
    mean = statistics.mean(differences)
    print(f"accuracy nasflow {statistics.mean(ours):.4f}, plain {statistics.mean(theirs):.4f}: ", end="")
    print(f"difference {mean:+.4f} ± {error:.4f} (standard error), {abs(mean) / error:.1f} standard errors")


if __name__ == "__main__":
    main()
