"""Refreshes by the command, as a schedule runs them: whatever is killed, promoted once."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from nasflow.engine.refreshes import read_decision
from nasflow.errors import HeldError
from nasflow.pipelines.refresh.running import run_refresh

NPZ = "npz:digits.npz"
REPOSITORY = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _this_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command's processes import what is tested here, wherever nasflow is installed from."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")]))


def aliases(site: Any) -> dict[str, int]:
    return {alias: int(v) for alias, v in MlflowClient(site.uri).get_registered_model("small").aliases.items()}


def decisions(site: Any) -> list[dict[str, Any]]:
    ids = {key.split("/")[1] for key in site.store.keys("refreshes/")}
    return [found for one in sorted(ids) if (found := read_decision(site.store, one)) is not None]


def words(output: str) -> str:
    return " ".join(output.split())


@pytest.mark.timeout(60)
def test_unchanged_digits_end_in_under_fifteen_seconds_without_training(delivered_site: Any) -> None:
    """The whole command, in a process of its own, from its start to its end."""
    site = delivered_site
    path, results = site.yaml(), site.results()
    before = time.monotonic()
    code, output = site.command("refresh", path)
    seconds = time.monotonic() - before
    assert code == 0, output
    assert seconds < 15
    assert "nothing to do; nothing was trained" in words(output)
    assert "The data have not changed since version 1 of 'small', the champion, was trained." in words(output)
    assert site.results() == results
    assert aliases(site) == {"champion": 1}
    assert list(site.store.keys("refreshes/")) == []


def test_two_at_once_do_not_refresh_the_same_model(delivered_site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    site = delivered_site
    config = site.config()
    told: list[HeldError] = []

    def meanwhile() -> None:
        with pytest.raises(HeldError, match="the refresh of 'small' is held by") as found:
            run_refresh(config, site.root)
        told.append(found.value)

    assert not run_refresh(config, site.root, on_looking=meanwhile).looked.changed
    assert len(told) == 1


@pytest.mark.slow
def test_inverted_grey_values_are_noticed_searched_and_promoted_once(champion_site: Callable[..., Any]) -> None:
    site = champion_site("by-command", "inverted")
    path = site.yaml(data=NPZ)
    code, output = site.command("refresh", path)
    assert code == 0, output
    told = words(output)
    for sentence in ("it has drifted.", "It replaces version 1 as champion.", "version 2 promoted", "--version 1"):
        assert sentence in told
    assert "trial 5/5" in output, "the progress of a search"
    assert aliases(site) == {"champion": 2}
    results = site.results()
    code, output = site.command("refresh", path)
    assert code == 0, output
    assert "since version 2 of 'small', the champion, was trained." in words(output)
    assert site.results() == results
    assert aliases(site) == {"champion": 2}
    assert [decision["decision"] for decision in decisions(site)] == ["promoted"]
    code, output = site.command("promote", path, "--version", "1")
    assert code == 0, output
    assert "Version 1 of 'small' is the champion now; it was version 2" in words(output)
    assert aliases(site) == {"champion": 1, "previous": 2}
    code, output = site.command("refresh", path)
    assert "Since then, version 1 was made champion again." in words(output)
    assert site.results() == results


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["search", "retrain"])
def test_a_challenger_that_is_not_better_is_not_promoted(champion_site: Callable[..., Any], mode: str) -> None:
    site = champion_site(f"not-better-{mode}", "mislabelled")
    path = site.yaml(data=NPZ, refresh={"mode": mode})
    for _ in range(2):
        code, output = site.command("refresh", path)
        assert code == 0, output
        assert "Version 1 stays champion." in words(output)
        assert aliases(site) == {"champion": 1, "challenger": 2}
    assert "nothing was trained" in words(output)
    assert [decision["decision"] for decision in decisions(site)] == ["kept"]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killed_at_many_moments_it_goes_on_and_promotes_once(champion_site: Callable[..., Any], helpers: Any) -> None:
    """Killed whenever there is more in the store than at the kill before: from the look to the last step."""
    calm, stormy = champion_site("calm-refresh", "inverted"), champion_site("stormy-refresh", "inverted")
    code, output = calm.command("refresh", calm.yaml(data=NPZ))
    assert code == 0, output
    path = stormy.yaml(data=NPZ)
    seen: set[str] = set(stormy.store.keys(""))
    kills = 0
    while True:
        process = stormy.popen("refresh", path)
        while process.poll() is None and len(fresh(stormy) - seen) < 3:
            time.sleep(0.05)
        if process.poll() is not None:
            output, _ = process.communicate()
            break
        helpers.kill_group(process)
        seen |= fresh(stormy)
        kills += 1
    assert process.returncode == 0, output
    assert kills >= 5
    assert aliases(stormy) == aliases(calm) == {"champion": 2}
    assert [decision["decision"] for decision in decisions(stormy)] == ["promoted"]
    assert stormy.history().timeless() == calm.history().timeless()
    assert stormy.kinds() == calm.kinds()
    assert len(MlflowClient(stormy.uri).search_model_versions("name = 'small'")) == 2


def fresh(site: Any) -> set[str]:
    """Return what only grows as a refresh goes on."""
    prefixes = ("refreshes/", "results/", "searches/", "samples/")
    return {key for prefix in prefixes for key in site.store.keys(prefix) if not key.endswith("lease.json")}


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("kind", "changed"), [("same", False), ("inverted", True)])
def test_the_pipeline_of_the_cluster_does_the_same(
    champion_site: Callable[..., Any], tmp_path: Path, kind: str, changed: bool
) -> None:
    """The very pipeline that is compiled, driven by kfp.local in a process of its own."""
    import subprocess
    import sys

    from nasflow.delivery.refresh.looking import refreshing
    from nasflow.engine.probing import DeviceProbe
    from nasflow.engine.request import Request

    site = champion_site(f"by-kfp-{kind}", kind)
    config = refreshing(site.config(data=NPZ))
    request = Request(config, site.root, DeviceProbe(config.resources).result(), refresh="0" * 16)
    (tmp_path / "request.json").write_text(request.to_json())
    results = site.results()
    ended = subprocess.run(
        [sys.executable, "-c", DRIVE, str(tmp_path)], capture_output=True, text=True, cwd=tmp_path, timeout=300
    )
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    assert aliases(site) == {"champion": 2 if changed else 1}
    assert (site.results() != results) is changed
    assert [decision["decision"] for decision in decisions(site)] == (["promoted"] if changed else [])
    pages = [path.read_text() for path in (tmp_path / "artifacts").rglob("*") if path.name in ("findings", "page")]
    said = "it has drifted" if changed else "The data have not changed since version 1"
    assert any(said in text for text in pages)


DRIVE = """
import sys
from pathlib import Path
from kfp import local
from nasflow.engine.request import Request
from nasflow.pipelines.refresh.pipeline import refresh_pipeline

folder = Path(sys.argv[1])
text = (folder / "request.json").read_text()
pipeline = refresh_pipeline("nasflow-small", Request.from_json(text).config, 1, text)
local.init(local.SubprocessRunner(use_venv=False), pipeline_root=str(folder / "artifacts"), raise_on_error=True)
pipeline(request=text, deadline=0.0)
"""
