"""The launcher and its workers live as long as their owner needs them, and no longer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from multiprocessing.connection import wait
from pathlib import Path

import psutil
import pytest

from nasflow.errors import SearchError
from nasflow.spaces import Architecture
from nasflow.testing.plugins import installed
from nasflow.testing.rigged import rigged
from nasflow.training import launching
from nasflow.training.launching import Launcher, borrowed, release, warm_up
from nasflow.trials import Status

OWNER = """
import json, sys, time
from nasflow.training.launching import Launcher
launcher = Launcher("image_classification", "mlp")
_, connection = launcher.fork()
(news,) = launcher.news()
print(json.dumps([launcher._process.pid, news["pid"]]), flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def launcher() -> Iterator[Launcher]:
    launcher = Launcher("image_classification", "mlp")
    yield launcher
    launcher.close()


def gone(pids: list[int]) -> bool:
    """Wait until all processes are gone; False after half a minute."""
    processes = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
    alive = psutil.wait_procs(processes, timeout=30)[1]
    return all(process.status() == psutil.STATUS_ZOMBIE for process in alive)


class TestWorkers:
    def test_are_told_of_when_they_start_and_when_they_end(self, launcher):
        token, connection = launcher.fork()
        (started,) = launcher.news()
        assert started == {"token": token, "pid": started["pid"]}
        assert psutil.pid_exists(started["pid"])
        connection.close()
        assert launcher.news() == [{"token": token, "exit": 0}]

    def test_end_at_once_when_killed(self, launcher):
        token, _connection = launcher.fork()
        launcher.news()
        launcher.kill(token)
        assert launcher.news() == [{"token": token, "exit": -signal.SIGKILL}]
        launcher.kill(token)  # nothing happens

    def test_ignore_what_the_keyboard_sends_to_the_whole_group(self, launcher):
        token, connection = launcher.fork()
        (started,) = launcher.news()
        for pid in (started["pid"], launcher._process.pid):
            os.kill(pid, signal.SIGINT)
            os.kill(pid, signal.SIGTERM)
        connection.close()
        assert launcher.news() == [{"token": token, "exit": 0}]

    def test_are_forked_from_a_process_with_one_thread(self, launcher):
        launcher.fork()[1].close()
        launcher.news()
        assert psutil.Process(launcher._process.pid).num_threads() == 1
        wait([launcher.control])
        launcher.news()

    def test_a_job_that_cannot_be_set_up_is_reported(self, launcher, lab, tmp_path):
        _token, connection = launcher.fork()
        job = lab.job.to_json() | {"bundle": str(tmp_path / "gone")}
        connection.send_bytes(json.dumps({"job": job, "worker": 0}).encode())
        message = json.loads(connection.recv_bytes())
        assert (message["kind"], message["error"]) == ("broken", "IntegrityError")
        assert str(tmp_path / "gone") in message["text"]


class TestEnd:
    @pytest.mark.slow
    @pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM", "SIGINT"])
    def test_of_the_owner_is_the_end_of_all(self, name):
        owner = subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True)
        assert owner.stdout is not None
        pids = json.loads(owner.stdout.readline())
        owner.send_signal(getattr(signal, name))
        owner.wait()
        assert gone(pids)

    def test_of_the_launcher_is_the_end_of_its_workers_and_an_error(self):
        launcher = Launcher("image_classification", "mlp")
        launcher.fork()
        (started,) = launcher.news()
        launcher._process.kill()
        assert gone([started["pid"]])
        with pytest.raises(SearchError, match="was lost; run the same command again"):
            launcher.news()
        assert not launcher.usable
        with pytest.raises(SearchError, match="was lost"):
            launcher.fork()
        launcher.close()

    def test_of_a_launcher_that_cannot_start_is_an_error(self, tmp_path, monkeypatch):
        (tmp_path / "torch.py").write_text("raise SystemExit(3)\n")
        monkeypatch.syspath_prepend(tmp_path)
        launcher = Launcher("image_classification", "mlp")
        with pytest.raises(SearchError, match="cannot start: their launcher ended with exit code 3"):
            launcher.fork()
        launcher.close()

    def test_of_a_launcher_that_hangs_is_an_error(self, tmp_path, monkeypatch):
        (tmp_path / "torch.py").write_text("import time\ntime.sleep(600)\n")
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setattr(launching, "START_SECONDS", 0.2)
        launcher = Launcher("image_classification", "mlp")
        with pytest.raises(SearchError, match="did not start within"):
            launcher.fork()
        launcher._process.kill()
        launcher.close()


class TestLending:
    @pytest.fixture(autouse=True)
    def _nothing_kept(self) -> Iterator[None]:
        release()
        yield
        release()

    def test_a_launcher_is_kept_for_the_next_call(self, lab):
        warm_up(lab.config)
        warm_up(lab.config)
        with borrowed(lab.config) as first:
            assert launching._idle == []
        with borrowed(lab.config) as second:
            assert second is first

    def test_two_at_once_are_two(self, lab):
        with borrowed(lab.config) as first, borrowed(lab.config) as second:
            assert first is not second

    def test_one_that_failed_is_not_kept(self, lab):
        with pytest.raises(ValueError, match="on purpose"), borrowed(lab.config) as launcher:
            raise ValueError("on purpose")
        assert not launcher.usable
        assert launching._idle == []

    def test_one_that_died_or_imports_from_elsewhere_is_replaced(self, lab, tmp_path):
        with borrowed(lab.config) as first:
            pass
        with installed(tmp_path, {"families": {}}), borrowed(lab.config) as second:
            assert second is not first
        assert first._process.poll() is not None
        with borrowed(lab.config) as third:
            third._process.kill()
            third._process.wait()
        with borrowed(lab.config) as fourth:
            assert fourth is not third

    def test_the_workers_import_what_this_process_would(self, lab, tmp_path):
        package = tmp_path / "own_family.py"
        package.write_text("from nasflow.testing.rigged import RiggedFamily\n\nclass Own(RiggedFamily):\n    pass\n")
        with installed(tmp_path, {"families": {"own": "own_family:Own"}}, name="own"):
            good = rigged("good")
            (result,) = lab.run([lab.trial(Architecture("own", good.choices, good.form))])
        assert result.status is Status.COMPLETED


def test_importing_the_pool_needs_no_torch():
    program = "import nasflow.training.pool, sys; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_paths_are_absolute(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    assert launching._paths()[0] == str(tmp_path)
    assert all(Path(path).is_absolute() for path in launching._paths())
