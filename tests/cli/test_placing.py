"""The line of the YAML that a late mistake stands on."""

from __future__ import annotations

from pathlib import Path

import pytest

from nasflow.cli.placing import placed
from nasflow.errors import ConfigError, DataError, MissingDataError, SearchError, SpaceError

TEXT = """\
name: one
space: mlp
data:
  size: 16
  source: photos
objectives:
  - val_accuracy
  - parameters
"""


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (DataError("data.source: there is no folder photos."), 5),
        (MissingDataError("data.source: there is no folder photos."), 5),
        (DataError("data.min_per_class: too few."), 3),
        (DataError("photos has one class folder."), 3),
        (DataError("the data need at least two classes."), 3),
        (SpaceError("objectives: none of them fits."), 6),
        (SpaceError("space.resolutions must be at most 16."), 2),
        (SpaceError("stage2.width is unknown."), 2),
    ],
)
def test_a_mistake_in_data_or_space_gets_its_line(tmp_path: Path, error: Exception, line: int) -> None:
    path = tmp_path / "one.yaml"
    path.write_text(TEXT)
    with pytest.raises(type(error)) as raised, placed(path):
        raise error
    assert str(raised.value) == f"{path}, line {line}: {error}"


def test_every_problem_of_a_configuration_gets_its_own(tmp_path: Path) -> None:
    path = tmp_path / "one.yaml"
    path.write_text(TEXT)
    problems = ["objectives[1].less_than: no number.", "data.options: wrong.", "it is all wrong."]
    with pytest.raises(ConfigError) as raised, placed(path):
        raise ConfigError(problems)
    assert raised.value.problems == (
        f"{path}, line 8: {problems[0]}",
        f"{path}, line 3: {problems[1]}",
        problems[2],
    )


def test_other_errors_and_files_that_are_gone_change_nothing(tmp_path: Path) -> None:
    with pytest.raises(SearchError, match=r"^data\.source is fine\.$"), placed(tmp_path / "one.yaml"):
        raise SearchError("data.source is fine.")
    with pytest.raises(DataError, match=r"^data\.source: gone\.$"), placed(tmp_path / "one.yaml"):
        raise DataError("data.source: gone.")
