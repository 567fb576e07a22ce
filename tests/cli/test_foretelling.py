"""What is said of the time that a search will take."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nasflow.cli import foretelling
from nasflow.cli.foretelling import foretold, spoken
from nasflow.config.loading import config_from, load_config
from nasflow.engine import estimate as estimating
from nasflow.engine.decoding import preparation_seconds
from nasflow.engine.door import outlook
from nasflow.engine.estimate import Estimate
from nasflow.engine.pace import NORMAL_STARTUP, Pace, Timing
from nasflow.errors import DataError, SearchError

TIME = Estimate(
    preparation=5.0,
    search=120.0,
    finals=60.0,
    delivery=10.0,
    trials=24,
    finalists=2,
    reference_kept=False,
    limit=None,
)


def test_the_whole_its_range_and_its_parts() -> None:
    assert spoken(TIME) == (
        "about 3 min 30 s (2 min 30 s to 4 min 30 s): preparation 5 s, 24 trials 2 min, 2 full trainings and the "
        "reference 1 min, delivery 10 s"
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"reference_kept": True}, "2 full trainings 1 min, delivery 10 s, the reference's training is kept"),
        (
            {"preparation": None},
            "about 3 min (2 min 30 s to 4 min 30 s) once the data are prepared: preparation not known before the "
            "download, 24 trials 2 min",
        ),
        ({"finalists": 0}, "24 trials 2 min, the reference 1 min"),
        ({"trials": 0, "search": 0.0, "finalists": 1}, "preparation 5 s, 1 full training and the reference 1 min"),
        ({"limit": 90.0}, "1 min 30 s, all that budget.hours allows; without that preparation 5 s"),
        ({"limit": 3600.0}, "about 3 min 30 s"),
    ],
)
def test_what_is_kept_or_limited_is_told(changes: dict[str, Any], words: str) -> None:
    assert words in spoken(replace(TIME, **changes))


@pytest.fixture
def paced(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Measure nothing: every network takes a millisecond a sample."""
    asked: list[Any] = []

    def measured(layout: Any, networks: Any, reference: Any) -> Pace:
        asked.append((layout, networks))
        timing = Timing(1e5, 0.001, 0.0, 0.0)
        return Pace((timing, Timing(1e7, 0.001)), timing, 1.0, NORMAL_STARTUP)

    monkeypatch.setattr(estimating, "measure_pace", measured)
    monkeypatch.setattr(estimating, "preparation_seconds", lambda found: 3.0)
    return asked


def found(site: Any, **changes: Any) -> tuple[Any, Path, Any]:
    config = load_config(site.yaml(**changes))
    return config, site.root, outlook(config, site.root)


def test_an_estimate_adds_up(site: Any, paced: list[Any]) -> None:
    config, base, seen = found(site, parallelism={"workers": 1})
    made = estimating.estimate(config, base, seen, None)
    ((layout, networks),) = paced
    assert (layout.train, layout.val) == (629, 270)
    assert len(networks) == 5
    a_trial = 0.001 * (629 + 270 / 3)
    assert made.search == pytest.approx(5 * a_trial + 2 * (NORMAL_STARTUP + 2 * 0.45))
    assert made.preparation == pytest.approx(3 + 4)
    assert made.finals == pytest.approx(3 * 0.001 * (1258 + 90) + 2 * 270 / 3 * 0.001 + 4.5)
    assert (made.trials, made.finalists, made.reference_kept, made.limit) == (5, 2, False, None)
    text, notes = foretold(config, base, seen)
    assert text.startswith("about 35 s (") or text.startswith("about 40 s (")
    assert notes == []
    assert [path.name for path in site.root.iterdir()] == ["search.yaml"]


def test_what_the_store_has_is_not_counted(in_process: Any, paced: list[Any]) -> None:
    site = in_process.site
    config = config_from(site.mapping(budget={"trials": 7}))
    before = sorted(site.root.rglob("*"))
    text, notes = foretold(config, site.root, outlook(config, site.root))
    assert sorted(site.root.rglob("*")) == before
    assert "2 trials" in text
    assert "the reference's training is kept" in text
    assert notes == []


def test_where_nothing_can_be_measured_that_is_said(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any) -> Estimate:
        raise SearchError("no network could be trained.")

    monkeypatch.setattr(foretelling, "estimate", refused)
    assert foretold(*found(site)) == ("", ["How long it will take is not known: no network could be trained."])


def test_data_that_cannot_be_read_are_a_note(site: Any, paced: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: Any) -> float:
        raise DataError("data.source: the archive is damaged.")

    monkeypatch.setattr(estimating, "preparation_seconds", refused)
    assert foretold(*found(site)) == ("", ["How long it will take is not known: data.source: the archive is damaged."])


def test_nothing_is_downloaded_to_tell_the_time(
    site: Any, paced: list[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(estimating, "preparation_seconds", preparation_seconds)
    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: pytest.fail("it reached for the network"))
    options = {"root": str(tmp_path / "downloads")}
    text, notes = foretold(*found(site, data={"source": "torchvision:CIFAR10", "options": options}))
    assert "once the data are prepared: preparation not known before the download, 5 trials" in text
    assert notes == []
    assert not (tmp_path / "downloads").exists()
