"""Tasks are found by name, and their options are checked."""

from __future__ import annotations

import subprocess
import sys

import pytest

from nasflow.config import SearchConfig
from nasflow.errors import ConfigError, PluginError
from nasflow.tasks.image_classification import ImageClassification
from nasflow.tasks.loading import load_task


def config(**task: object) -> SearchConfig:
    return SearchConfig.model_validate({"name": "x", "data": "sklearn:digits", **({"task": task} if task else {})})


def test_the_default_is_image_classification() -> None:
    assert isinstance(load_task(config()), ImageClassification)


def test_unknown_task_names_the_nearest() -> None:
    with pytest.raises(PluginError, match="Did you mean 'image_classification'"):
        load_task(config(name="image_clasification"))


def test_unknown_option_is_named() -> None:
    with pytest.raises(ConfigError, match=r"task\.options\.classes is unknown; the options there are: none\."):
        load_task(config(name="image_classification", options={"classes": 3}))


def test_what_is_no_task_is_said_to_lack_its_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nasflow.tasks.loading.load", lambda group, name: object)
    with pytest.raises(PluginError, match="task 'image_classification' lacks Options, metrics, io"):
        load_task(config())


def test_loading_needs_no_torch() -> None:
    program = (
        "import sys; from nasflow.config import SearchConfig; from nasflow.tasks.loading import load_task;"
        "task = load_task(SearchConfig(name='x', data='sklearn:digits'));"
        "from nasflow.spaces import NetworkIO; task.reference(NetworkIO(1, 8, 10));"
        "sys.exit(any(name in sys.modules for name in ('torch', 'sklearn', 'mlflow', 'pandas')))"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
