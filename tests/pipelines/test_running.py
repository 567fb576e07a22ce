"""Searches by the local pipeline: the same history as in this process, and whatever is killed, nothing lost."""

from __future__ import annotations

import random
import signal
import time
from typing import Any

import psutil
import pytest

from nasflow.errors import HeldError, SearchError, UserError
from nasflow.pipelines.search.running import LocalPipeline


def child_of(process: Any) -> psutil.Process | None:
    """Return the process that drives the pipeline of a running command."""
    try:
        children = psutil.Process(process.pid).children()
        return next((c for c in children if "nasflow.pipelines.search.local" in c.cmdline()), None)
    except psutil.NoSuchProcess:
        return None


def await_results(site: Any, count: int, process: Any) -> None:
    while len(site.results()) < count and process.poll() is None:
        time.sleep(0.05)


def test_the_pipeline_ends_with_the_history_of_a_search_in_process(in_process: Any, by_pipeline: Any) -> None:
    by_pipeline.site.accounted(5)
    in_process.site.accounted(5)
    assert by_pipeline.site.history().timeless() == in_process.outcome.history.timeless()
    assert by_pipeline.site.kinds() == in_process.site.kinds() == {"search": 1, "trial": 5, "final": 2, "reference": 1}
    assert set(by_pipeline.site.results()) == set(in_process.site.results())


def test_the_command_says_what_it_found(by_pipeline: Any) -> None:
    output = by_pipeline.outcome
    assert "Registered as small version 1, alias champion" in " ".join(output.split())
    assert "val_accuracy" in output
    assert "nasflow show" in output
    assert "Traceback" not in output


def test_the_finished_search_run_again_trains_and_registers_nothing(by_pipeline: Any) -> None:
    site = by_pipeline.site
    before, runs = site.results(), {run.info.run_id for run in site.runs()}
    code, output = site.command("run", site.root / "search.yaml")
    assert code == 0
    assert "was finished before" in output
    assert site.results() == before
    assert {run.info.run_id for run in site.runs()} == runs


def test_killed_in_every_way_it_goes_on_to_the_same_history(site: Any, in_process: Any, helpers: Any) -> None:
    """The whole group; the command alone, whose orphans end by themselves; the pipeline alone."""
    site.ready()
    path = site.yaml(final={"candidates": 2})
    first = site.popen("run", path)
    await_results(site, 1, first)
    helpers.kill_group(first)
    kept = site.results()
    assert kept

    second = site.popen("run", path)
    await_results(site, 4, second)
    second.kill()
    third = site.popen("run", path)
    assert helpers.await_empty(second) == []
    second.communicate()
    assert helpers.unchanged(kept, site.results())
    kept = site.results()

    while (child := child_of(third)) is None and third.poll() is None:
        time.sleep(0.05)
    assert child is not None
    await_results(site, 6, third)
    child.kill()
    output, _ = third.communicate(timeout=60)
    assert third.returncode == 1
    assert "ended by SIGKILL; run the same command again" in " ".join(output.split())
    assert helpers.await_empty(third) == []
    assert helpers.unchanged(kept, site.results())
    kept = site.results()

    code, output = site.command("run", path)
    assert code == 0, output
    assert helpers.unchanged(kept, site.results())
    site.accounted(5)
    assert site.kinds() == {"search": 1, "trial": 5, "final": 2, "reference": 1}
    assert site.history().timeless() == in_process.outcome.history.timeless()


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("seed", [0])
def test_ten_kills_at_random_moments(make_site: Any, helpers: Any, seed: int) -> None:
    changes: dict[str, Any] = {
        "space": {"family": "cnn", "options": None},
        "fidelity": {"epochs": 3, "data_fraction": 0.4},
        "budget": {"trials": 12},
        "parallelism": {"round_size": 4},
        "final": {"candidates": 2, "epochs": 6},
    }
    calm, stormy = make_site("calm"), make_site("stormy")
    code, output = calm.run(**changes)
    assert code == 0, output
    stormy.ready()
    path = stormy.yaml(**changes)
    rng = random.Random(seed)
    kept: dict[str, bytes] = {}
    kills = 0
    while kills < 10:
        process = stormy.popen("run", path)
        try:
            process.wait(rng.uniform(1, 14))
        except Exception:
            helpers.kill_group(process)
            kills += 1
        else:
            output, _ = process.communicate()
            assert process.returncode == 0, output
            break
        assert helpers.unchanged(kept, stormy.results())
        kept = stormy.results()
    code, output = stormy.command("run", path)
    assert code == 0, output
    assert helpers.unchanged(kept, stormy.results())
    assert stormy.history().timeless() == calm.history().timeless()
    stormy.accounted(12)
    assert stormy.kinds() == calm.kinds()


@pytest.mark.slow
@pytest.mark.parametrize(("shard_size", "workers"), [(None, 1), (None, 2), (1, 2)])
def test_shards_and_workers_change_nothing(site: Any, in_process: Any, shard_size: int | None, workers: int) -> None:
    code, output = site.run(parallelism={"shard_size": shard_size, "workers": workers})
    assert code == 0, output
    assert site.history().timeless() == in_process.outcome.history.timeless()
    site.accounted(5)


def test_the_second_of_two_at_once_says_who_holds_the_search(site: Any, helpers: Any) -> None:
    site.ready()
    path = site.yaml()
    first = site.popen("run", path)
    try:
        while child_of(first) is None and first.poll() is None:
            time.sleep(0.05)
        code, output = site.command("run", path)
        assert code == 3
        assert f"process {first.pid}" in output
        assert "held by" in output
        code, output = site.command("status")
        assert code == 0
        assert "running" in output
    finally:
        helpers.kill_group(first)
    assert helpers.await_empty(first) == []


@pytest.mark.slow
def test_without_mlflow_it_searches_and_then_says_what_is_missing(site: Any) -> None:
    path = site.yaml()
    away = "http://127.0.0.1:9"
    code, output = site.command("run", path, MLFLOW_TRACKING_URI=away)
    assert code == 1
    assert away in output
    assert "Traceback" not in output
    assert "nothing is trained twice" in " ".join(output.split())
    kept = site.results()
    assert len(kept) == 8
    assert not site.database.exists()
    code, output = site.command("run", path, MLFLOW_TRACKING_URI=site.uri)
    assert code == 0, output
    assert site.results() == kept
    site.accounted(5)
    assert site.kinds() == {"search": 1, "trial": 5, "final": 2, "reference": 1}


class Endless(LocalPipeline):
    """A pipeline whose process does what a test says."""

    def __init__(self, folder: Any, program: str) -> None:
        import subprocess
        import sys

        self.folder, self.log, self._error = folder, folder / "log.txt", folder / "error.json"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen([sys.executable, "-c", program], stdout=log, stderr=log)


@pytest.mark.parametrize(("exit_code", "kind"), [(1, SearchError), (2, UserError), (3, HeldError)])
def test_the_sentence_of_a_step_is_that_of_the_command(tmp_path: Any, exit_code: int, kind: type[Exception]) -> None:
    text = f'{{"message": "no more than this.", "exit_code": {exit_code}}}'
    (tmp_path / "error.json").write_text(text)
    with pytest.raises(kind, match=r"^no more than this\.$"):
        Endless(tmp_path, "raise SystemExit(1)").check()


def test_without_a_sentence_the_last_error_of_the_log_has_to_do(tmp_path: Any) -> None:
    program = "print('   ValueError: of no use');raise RuntimeError('Pipeline small finished with status FAILURE.')"
    with pytest.raises(SearchError, match=r"failed: ValueError: of no use \(log: .*log\.txt"):
        Endless(tmp_path, program).check()
    with pytest.raises(SearchError, match="no error was printed"):
        Endless(tmp_path, "print('Errors: none'); raise SystemExit(1)").check()


def test_a_process_that_was_killed_is_told_as_such(tmp_path: Any) -> None:
    with pytest.raises(SearchError, match="ended by SIGKILL; run the same command again"):
        Endless(tmp_path, f"import os; os.kill(os.getpid(), {int(signal.SIGKILL)})").check()


def test_stop_ends_the_process_and_check_of_a_good_end_is_silent(tmp_path: Any) -> None:
    pipeline = Endless(tmp_path, "import time; time.sleep(600)")
    pipeline.wait(0.01)
    assert pipeline.running()
    pipeline.stop()
    assert not pipeline.running()
    Endless(tmp_path, "pass").check()
    assert [path.name for path in tmp_path.iterdir()] == ["log.txt"]
