"""`nasflow run --runner docker`: the history of the subprocess runner, whatever is killed, and nothing left running."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nasflow.training.checkpoint import Progress, unpack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

Leftover = Callable[[Any], list[Any]]

LONGER: dict[str, Any] = {
    "space": {"family": "cnn", "options": None},
    "fidelity": {"epochs": 4, "data_fraction": 0.5},
    "budget": {"trials": 6},
    "parallelism": {"round_size": 3, "workers": 2},
    "final": {"candidates": 1, "epochs": 4},
}
"""A search whose trainings last long enough to be killed in their midst."""


def arguments(site: Any, image: str, **changes: Any) -> tuple[Any, ...]:
    return ("run", site.yaml(**changes), "--runner", "docker", "--image", image)


def await_step(site: Any, leftover: Leftover, process: Any, step: str) -> Any:
    """Wait until a step runs in a container; return it, or None where the command has ended."""
    while process.poll() is None:
        for container in leftover(site):
            if container.status == "running" and step in " ".join(container.attrs["Args"]):
                return container
        time.sleep(0.1)
    return None


def progress(site: Any) -> list[Progress]:
    """Return how far the trials are that have a checkpoint."""
    store = site.store
    found = [(key, store.get(key)) for key in store.keys("checkpoints/")]
    return [unpack(key, content)[0] for key, content in found if content is not None]


def again(before: list[Progress], killed: float, site: Any) -> dict[str, float]:
    """Return by trial what was trained again, in seconds, of those that a kill interrupted.

    What a checkpoint had must be in the result as it was, by its very times.
    """
    results = {result.trial_id: result for result in site.helpers.dated(site.results()).values()}
    lost = {}
    for known in before:
        result = results.get(known.trial_id)
        if result is None or result.started_at > killed:
            continue
        assert result.curve[: known.epoch] == known.curve, known.trial_id
        if len(result.curve) > known.epoch and result.curve[known.epoch].finished_at > killed:
            lost[known.trial_id] = killed - known.curve[-1].finished_at
    return lost


@pytest.fixture
def docker_site(site: Any, helpers: Any) -> Any:
    """An empty site whose folder the container's user may reach."""
    site.ready()
    site.helpers = helpers
    return site


def test_the_history_is_that_of_the_subprocess_runner(
    docker_site: Any, by_pipeline: Any, image: str, leftover: Leftover
) -> None:
    code, output = docker_site.command(*arguments(docker_site, image))
    assert code == 0, output
    assert "Registered as small version 1, alias champion" in " ".join(output.split())
    assert docker_site.history().timeless() == by_pipeline.site.history().timeless()
    assert docker_site.kinds() == by_pipeline.site.kinds()
    docker_site.accounted(5)
    assert leftover(docker_site) == []
    log = next(docker_site.store_folder.glob("local/pipelines/*/log.txt")).read_text(errors="replace")
    for step in ("prepare-data", "train-candidates", "register-model"):
        assert f"'{step}'" in log
    before = docker_site.results()
    code, output = docker_site.command(*arguments(docker_site, image))
    assert (code, "was finished before" in output) == (0, True)
    assert docker_site.results() == before


def test_either_runner_goes_on_where_the_other_stopped(
    docker_site: Any, in_process: Any, image: str, helpers: Any, leftover: Leftover
) -> None:
    first = docker_site.popen(*arguments(docker_site, image, final={"candidates": 2}))
    while not docker_site.results() and first.poll() is None:
        time.sleep(0.1)
    helpers.kill_group(first)  # with its driver; the container sees that, and ends
    deadline = time.monotonic() + 20
    while leftover(docker_site) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert leftover(docker_site) == []
    kept = docker_site.results()
    code, output = docker_site.command("run", docker_site.yaml(final={"candidates": 2}))
    assert code == 0, output
    assert helpers.unchanged(kept, docker_site.results())
    assert docker_site.history().timeless() == in_process.outcome.history.timeless()


def test_an_interrupted_command_leaves_no_container(docker_site: Any, image: str, leftover: Leftover) -> None:
    process = docker_site.popen(*arguments(docker_site, image, **LONGER))
    assert await_step(docker_site, leftover, process, "train_candidates") is not None
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    assert "run the same command again to go on" in " ".join(output.split())
    assert leftover(docker_site) == []


@pytest.fixture(scope="module")
def calm(make_site: Any) -> Any:
    """The longer search by subprocesses, undisturbed."""
    site = make_site("calm")
    code, output = site.run(**LONGER)
    assert code == 0, output
    return site


@pytest.mark.parametrize("seed", range(5))
def test_a_training_container_killed_at_a_random_moment(
    docker_site: Any, calm: Any, image: str, leftover: Leftover, seed: int
) -> None:
    helpers = docker_site.helpers
    process = docker_site.popen(*arguments(docker_site, image, **LONGER))
    container = await_step(docker_site, leftover, process, "train_candidates")
    assert container is not None, process.communicate()[0]
    time.sleep(random.Random(seed).uniform(1, 12))
    container.kill(signal="SIGKILL")
    killed = time.time()
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1, output
    told = " ".join(output.split())
    assert "the container of step 'train_candidates' was ended by SIGKILL; run the same command again to go on." in told
    assert leftover(docker_site) == []
    kept, interrupted = docker_site.results(), progress(docker_site)
    code, output = docker_site.command(*arguments(docker_site, image, **LONGER))
    assert code == 0, output
    assert helpers.unchanged(kept, docker_site.results())
    assert docker_site.history().timeless() == calm.history().timeless()
    docker_site.accounted(6)
    for trial, seconds in again(interrupted, killed, docker_site).items():
        result = next(r for r in helpers.dated(docker_site.results()).values() if r.trial_id == trial)
        longest = max(point.finished_at - point.started_at for point in result.curve)
        assert seconds <= 3 * longest + 3, f"{trial} lost {seconds:.1f} s, and an epoch takes {longest:.1f} s"


def test_an_image_that_is_not_there_is_told_before_anything_runs(docker_site: Any, image: str) -> None:
    docker_site.yaml()
    code, output = docker_site.command("run", docker_site.yaml(), "--runner", "docker", "--image", "nasflow-nowhere:1")
    assert code == 2
    assert "there is no image 'nasflow-nowhere:1'" in output
    assert not list(Path(docker_site.store_folder).glob("searches/*"))
