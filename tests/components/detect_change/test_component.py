"""The step that looks whether the data have changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from kfp import dsl

from nasflow.components.detect_change.component import detect_change
from nasflow.delivery.refresh.looking import refreshing
from nasflow.engine.preparing import copied, prepared
from nasflow.engine.request import Request


@pytest.mark.parametrize(("kind", "changed"), [("same", "no"), ("inverted", "yes")])
def test_it_says_whether_and_what_is_to_be_done(champion_site: Any, tmp_path: Path, kind: str, changed: str) -> None:
    site = champion_site(f"detect-{kind}", kind)
    config = refreshing(site.config(data="npz:digits.npz"))
    data = copied(prepared(config.data, site.root, site.store), tmp_path / "data")
    request = Request(config, site.root, "cpu-test", refresh="0" * 16)
    findings = dsl.Markdown(name="findings", uri=str(tmp_path / "findings"))
    found = detect_change.python_func(
        request=request.to_json(),
        data=dsl.Dataset(name="data", uri=str(data.root)),
        findings=findings,
        refreshed=str(tmp_path / "refreshed"),
    )
    assert found == changed
    given = Request.from_json((tmp_path / "refreshed").read_text())
    assert given.config == config
    assert given.refresh == findings.metadata["refresh"]
    assert bool(given.refresh) is (changed == "yes")
    said = "it has drifted" if changed == "yes" else "The data have not changed since version 1"
    assert said in Path(findings.path).read_text()
