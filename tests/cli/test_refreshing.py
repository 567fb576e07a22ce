"""What `nasflow refresh` says of what happened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from nasflow.cli import refreshing, tables
from nasflow.cli.main import app
from nasflow.delivery.refresh.concluding import Conclusion, conclude
from nasflow.pipelines.refresh import running
from nasflow.pipelines.refresh.running import Refreshed


class Ended:
    """Stands for the search of a refresh that ran, of which only the store and the report are asked."""

    def __init__(self, found: Any) -> None:
        self.records = found.records
        self.delivery = type("Delivery", (), {"report": Path("report.html")})


def told(found: Any, monkeypatch: pytest.MonkeyPatch, render: Any) -> str:
    """Return what the command prints of a refresh that was run elsewhere."""
    conclusion: Conclusion = conclude(found.plan, found.records, found.registration)
    ended: Any = Ended(found)
    monkeypatch.setattr(running, "run_refresh", lambda *a, **k: Refreshed(found.looked, ended, conclusion))
    phases: list[str] = []
    view = refreshing.refreshed(found.site.root / "search.yaml", lambda view: phases.append(view.phase))
    return " ".join(str(render(tables.refresh(view), 500)).split())


def test_a_promotion_is_told_with_its_figures_and_the_way_back(
    promoted: Any, monkeypatch: pytest.MonkeyPatch, render: Any
) -> None:
    output = told(promoted, monkeypatch, render)
    assert "Refresh of small version 2 promoted" in output
    assert "it has drifted." in output
    assert "It replaces version 1 as champion." in output
    assert "margin 0.005, p below 0.05" in output
    assert "search.yaml --version 1" in output
    assert "refresh.md" in output


def test_a_champion_that_stays_has_no_way_back(kept: Any, monkeypatch: pytest.MonkeyPatch, render: Any) -> None:
    output = told(kept, monkeypatch, render)
    assert "Refresh of small version 1 stays champion" in output
    assert "its architecture trained again" in output
    assert "nasflow promote" not in output


def test_data_that_cannot_be_compared_on_are_refused_in_one_sentence(champion_site: Any) -> None:
    site = champion_site("cli-split", "split")
    result = CliRunner().invoke(app, ["refresh", str(site.yaml(data="npz:digits.npz"))])
    output = " ".join(result.output.split())
    assert result.exit_code == 2
    assert "the data bring a test split of their own" in output
    assert "nasflow promote small --version N" in output
    assert "Traceback" not in output


def test_a_search_without_registry_is_refused(site: Any) -> None:
    result = CliRunner().invoke(app, ["refresh", str(site.yaml(registry={"enabled": False}))])
    assert result.exit_code == 2
    assert "registry.enabled is false" in result.output
    assert [path.name for path in site.root.iterdir()] == ["search.yaml"]


def test_its_pipeline_is_compiled_by_compile(site: Any) -> None:
    image = "registry.example.com/nasflow@sha256:" + "0" * 64
    target = site.root / "out.yaml"
    named = ["--out", str(target), "--device-kind", "cpu-test", "--image", image]
    result = CliRunner().invoke(app, ["compile", str(site.yaml()), "--refresh", *named])
    assert result.exit_code == 0, result.output
    assert "nasflow-small-refresh" in target.read_text()
