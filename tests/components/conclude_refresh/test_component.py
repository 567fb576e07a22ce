"""The step that writes down what a refresh came to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from kfp import dsl

from nasflow.components.conclude_refresh.component import conclude_refresh
from nasflow.engine.refreshes import read_decision


def called(found: Any, folder: Path, registration: dict[str, Any]) -> tuple[dsl.Markdown, dsl.Metrics]:
    (folder / "registration").write_text(json.dumps(registration))
    (folder / "space").write_text(json.dumps(found.plan.space.to_json()))
    page, metrics = dsl.Markdown(name="page", uri=str(folder / "page")), dsl.Metrics(name="m", uri=str(folder / "m"))
    conclude_refresh.python_func(
        request=found.plan.request.to_json(),
        data=dsl.Dataset(name="data", uri=str(found.plan.bundle.root)),
        space=dsl.Artifact(name="space", uri=str(folder / "space")),
        registration=dsl.Artifact(name="registration", uri=str(folder / "registration")),
        page=page,
        metrics=metrics,
    )
    return page, metrics


def test_kubeflow_is_shown_the_decision_and_its_figures(promoted: Any, tmp_path: Path) -> None:
    page, metrics = called(promoted, tmp_path, promoted.registration.to_json())
    assert page.metadata == {"decision": "promoted", "refresh": promoted.plan.request.refresh}
    assert promoted.registration.why in Path(page.path).read_text()
    assert metrics.metadata["difference"] == promoted.registration.comparison.difference
    assert metrics.metadata["drift_high"] < 0
    assert (read_decision(promoted.site.store, promoted.plan.request.refresh) or {})["decision"] == "promoted"


def test_nothing_registered_is_an_error(promoted: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        called(promoted, tmp_path, {})
    assert ended.value.code == 1
    assert "has registered nothing" in capsys.readouterr().err
