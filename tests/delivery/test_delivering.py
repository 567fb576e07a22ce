"""Whole deliveries, done again: the report always has its registration, here and in MLflow, and nothing is twice."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nasflow.cli.summing import summary
from nasflow.config.loading import load_config
from nasflow.delivery import delivering
from nasflow.delivery.delivering import delivered
from nasflow.engine.door import admit
from nasflow.engine.records import SearchRecords
from nasflow.engine.status import StatusReader
from nasflow.errors import TrackingError
from nasflow.pipelines.search.running import Finished
from nasflow.testing.plugins import installed
from nasflow.testing.rigged import RIGGED
from nasflow.trials import Status

FIRST = "It is the first champion of 'small'."

SHAKY = """
from pathlib import Path
from typing import ClassVar

from nasflow.tasks import Metric
from nasflow.tasks.image_classification import ImageClassification
from nasflow.testing.rigged import rigged


class Shaky(ImageClassification):
    metrics: ClassVar[tuple[Metric, ...]] = (Metric("loss", "minimize"), Metric("accuracy", "maximize"))

    def reference(self, io):
        return rigged("good", 12)

    def network(self, architecture, bundle):
        if architecture.family == "rigged" and Path(__file__).with_name("broken").exists():
            raise RuntimeError("the bridge is down")
        return super().network(architecture, bundle)
"""
"""A task that is decided by the loss, and whose reference cannot be built while a file says so."""


def few(trials: int, **changes: Any) -> dict[str, Any]:
    """Return changes for a search of a space of six networks, all of which the smallest budget tries."""
    options = {"max_depth": 1, "widths": [16], "dropouts": [0.0]}
    space = {"options": options, "choices": {"activation": ["relu", "tanh"]}}
    return {"space": space, "budget": {"trials": trials}, "final": {"candidates": 1}, **changes}


def reports(site: Any) -> list[str]:
    """Return the report as it is in the store, and at each place of MLflow that has one."""
    from mlflow import MlflowClient

    client = MlflowClient(site.uri)
    (version,) = client.search_model_versions("name = 'small'")
    found = [(site.store.get(f"{site.records().folder}/report.html") or b"").decode()]
    (parent,) = [r.info.run_id for r in site.runs() if r.data.tags["nasflow.kind"] == "search"]
    for run_id in (parent, version.run_id):
        found.append(Path(client.download_artifacts(run_id, "report.html")).read_text(encoding="utf-8"))
    model = client.get_logged_model(version.tags["nasflow.model_id"])
    found.append(Path(model.artifact_location.removeprefix("file://"), "report.html").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def done(make_site: Callable[[str], Any]) -> Any:
    """A delivered search that the tests below deliver again."""
    site = make_site("delivered-again")
    site.search(deliver=True, **few(6))
    return site


def test_a_raised_budget_with_the_same_winner_renews_every_report(done: Any) -> None:
    before = reports(done)
    assert len(set(before)) == 1
    assert "6 trials of 1 epoch" in " ".join(before[0].split())
    found = done.search(deliver=True, **few(40)).delivery
    assert not found.repeated
    assert (found.registration.version, found.registration.why) == (1, FIRST)
    after = reports(done)
    assert len(set(after)) == 1
    assert "40 trials of 1 epoch" in " ".join(after[0].split())
    assert "It is the first champion of" in after[0]
    assert found.report.read_text(encoding="utf-8") == after[0]


def test_a_changed_margin_is_decided_again(done: Any) -> None:
    found = done.search(deliver=True, **few(40, registry={"margin": 0.3})).delivery
    assert (found.registration.version, found.registration.margin) == (1, 0.3)
    assert len(set(reports(done))) == 1
    assert done.search(deliver=True, **few(40, registry={"margin": 0.3})).delivery.repeated


class Killed(BaseException):
    """Stands for the end of the process."""


def test_killed_before_the_last_word_the_report_has_its_registration(
    done: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = SearchRecords.write

    def dies(self: SearchRecords, name: str, document: Any) -> None:
        if name == "delivered":
            raise Killed
        real(self, name, document)

    changes = few(40, registry={"margin": 0.2})
    with monkeypatch.context() as patch:
        patch.setattr(SearchRecords, "write", dies)
        with pytest.raises(Killed):
            done.search(deliver=True, **changes)
    assert "It is the first champion of" in reports(done)[0]
    found = done.search(deliver=True, **changes).delivery
    assert not found.repeated
    after = reports(done)
    assert len(set(after)) == 1
    assert "It is the first champion of" in after[0]


def test_without_mlflow_the_report_that_was_registered_stays(done: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    before = reports(done)[0]

    def away(*_: Any) -> None:
        raise TrackingError("MLflow is away.")

    with monkeypatch.context() as patch:
        patch.setattr(delivering, "register", away)
        with pytest.raises(TrackingError):
            done.search(deliver=True, **few(40, registry={"margin": 0.1}))
    assert reports(done)[0] == before


def test_unregistered_the_report_says_no_version(done: Any) -> None:
    found = done.search(deliver=True, **few(40, registry={"enabled": False})).delivery
    assert found.registration is None
    assert "Registered as" not in found.report.read_text(encoding="utf-8")


def test_a_delivery_is_for_one_request_and_one_mlflow(in_process: Any, plan: Any, tmp_path: Path) -> None:
    records = in_process.site.records()
    known = delivered(plan, records)
    assert known is not None
    assert known.outcome == in_process.outcome.delivery.outcome
    assert known.registration == in_process.outcome.delivery.registration
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/other.db")
        assert delivered(plan, records) is None


@pytest.fixture
def shaky(tmp_path: Path) -> Iterator[Path]:
    """A file that, while it is there, lets the reference of the task `shaky` fail."""
    from nasflow.training.pool import release

    release()
    folder = tmp_path / "shaky"
    folder.mkdir()
    (folder / "shaky.py").write_text(SHAKY)
    (folder / "broken").touch()
    with installed(folder, RIGGED | {"tasks": {"shaky": "shaky:Shaky"}}):
        yield folder / "broken"
        release()


def summed(site: Any) -> Any:
    path = site.root / "search.yaml"
    admitted = admit(load_config(path), path.parent)
    plan, records = admitted.plan, admitted.records
    found = delivered(plan, records)
    return found, lambda d: summary(path, Finished(plan, records, StatusReader(plan.known, records).read(), d))


def test_a_reference_that_fails_keeps_nothing_back_and_is_tried_again(shaky: Path, site: Any) -> None:
    """Decided by the loss, so that all comparisons are by bootstrap."""
    from mlflow import MlflowClient

    changes = few(3, task="shaky", objectives=["val_loss"])
    first = site.search(deliver=True, **changes).delivery
    said = "The reference network could not be trained: "
    assert first.outcome.comparison is None
    assert first.outcome.reference.result.status is Status.CRASHED
    assert first.outcome.verdict.startswith(said)
    assert "the bridge is down" in first.outcome.verdict
    assert (first.registration.version, first.registration.alias) == (1, "champion")
    assert all("the bridge is down" in page for page in reports(site))
    client = MlflowClient(site.uri)
    assert said in client.get_model_version("small", "1").description
    tags = {r.data.tags["nasflow.kind"]: r.data.tags for r in site.runs()}
    assert tags["search"]["nasflow.verdict"] == first.outcome.verdict
    assert "the bridge is down" in tags["reference"]["nasflow.cause"]
    found, summing = summed(site)
    assert found is None, "the reference is still to be trained"
    view = summing(first)
    assert view.verdict == first.outcome.verdict
    assert {row[0]: row[2] for row in view.metrics}["test_loss"] is None

    shaky.unlink()
    second = site.search(deliver=True, **changes).delivery
    assert second.outcome.id == first.outcome.id
    assert second.outcome.comparison.test == "paired bootstrap"
    assert second.registration == first.registration
    pages = reports(site)
    assert len(set(pages)) == 1
    assert "the bridge is down" not in pages[0]
    assert "paired bootstrap" in pages[0]
    site.accounted(3)
    assert site.kinds() == {"search": 1, "trial": 3, "final": 1, "reference": 1}
    assert site.search(deliver=True, **changes).delivery.repeated
