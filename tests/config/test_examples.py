"""The examples are valid and say what others rely on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from nasflow.config import config_from, load_config

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.name)
def test_example_is_valid(path: Path) -> None:
    assert load_config(path).name == path.stem.replace("folder", "photos")


def test_the_resources_that_the_readme_shows_are_valid() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (EXAMPLES.parent / "README.md").read_text(), re.DOTALL)
    (shown,) = (block for block in blocks if "resources:" in block)
    config = config_from({"name": "pets", "data": "sklearn:digits"} | yaml.safe_load(shown))
    assert config.resources.steps["train_final"].spot == "never"
    assert config.resources.accelerator is not None


def test_there_are_examples() -> None:
    assert {"digits.yaml", "minimal.yaml", "folder.yaml"} <= {path.name for path in EXAMPLES.iterdir()}


def test_digits_is_what_others_rely_on() -> None:
    config = load_config(EXAMPLES / "digits.yaml")
    assert config.name == "digits"
    assert config.model_name == "digits"
    assert config.data.source == "sklearn:digits"
    assert config.budget.trials == 24
    assert (config.parallelism.round_size, config.parallelism.workers, config.parallelism.threads) == (8, 2, 1)
    assert config.final.candidates == 2
    assert config.tracking.uri is None
    bounds = {objective.name: objective.less_than for objective in config.objectives}
    assert bounds["parameters"] == "reference"


def test_the_smallest_is_under_ten_lines() -> None:
    assert len((EXAMPLES / "minimal.yaml").read_text().splitlines()) < 10
