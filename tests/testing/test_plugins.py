from __future__ import annotations

import os
import subprocess
import sys

import pytest

from nasflow import plugins
from nasflow.errors import PluginError
from nasflow.testing.plugins import installed

PROGRAM = "from nasflow import plugins; print(plugins.load('tasks', 'mine').answer)"


def test_is_found_here_and_in_processes_started_meanwhile_and_gone_after(tmp_path):
    (tmp_path / "my_own_module.py").write_text("class Mine:\n    answer = 42\n")
    before = (list(sys.path), os.environ.get("PYTHONPATH"), plugins.names("tasks"))
    with installed(tmp_path, {"tasks": {"mine": "my_own_module:Mine"}}) as folder:
        assert folder == tmp_path
        assert "mine" in plugins.names("tasks")
        assert set(before[2]) < set(plugins.names("tasks"))
        assert plugins.load("tasks", "mine").answer == 42
        done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "42"
    assert (list(sys.path), os.environ.get("PYTHONPATH"), plugins.names("tasks")) == before
    with pytest.raises(PluginError):
        plugins.load("tasks", "mine")


def test_what_was_in_the_way_comes_back_after_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "somewhere")

    def fail() -> None:
        with installed(tmp_path, {"families": {"a": "b:c"}, "tasks": {"d": "e:f"}}):
            assert os.environ["PYTHONPATH"] == f"{tmp_path}{os.pathsep}somewhere"
            assert "a" in plugins.names("families")
            assert "d" in plugins.names("tasks")
            raise ValueError("on purpose")

    with pytest.raises(ValueError, match="on purpose"):
        fail()
    assert os.environ["PYTHONPATH"] == "somewhere"
    assert "a" not in plugins.names("families")
