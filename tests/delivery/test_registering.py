"""Registration against a real MLflow: who becomes champion, what is attached, and that nothing happens twice."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import mlflow
import numpy as np
import pytest

from nasflow.data.bundle import DataBundle
from nasflow.delivery import deciding
from nasflow.delivery.outcome import Registration
from nasflow.delivery.registering import register
from nasflow.delivery.statistics import paired_bootstrap
from nasflow.delivery.submission import Submission
from nasflow.errors import TrackingError
from nasflow.tracking import TrackingTarget
from nasflow.trials import Status


def aliases(registry, name: str) -> dict[str, int]:
    return {alias: int(v) for alias, v in registry.client.get_registered_model(name).aliases.items()}


def test_the_first_version_is_champion_with_all_that_belongs_to_it(registry) -> None:
    submission = registry.submission("first", "a", 1)
    before = len(registry.client.search_runs([registry.experiment_id]))
    found = register(registry.target, submission, lambda r: f"<p>{r.name} {r.version} {r.alias}</p>")
    assert found == Registration("first", 1, "champion", submission.run_id, "It is the first champion of 'first'.")
    version = registry.client.get_model_version_by_alias("first", "champion")
    assert (int(version.version), version.run_id) == (1, submission.run_id)
    assert version.tags["nasflow.outcome"] == submission.outcome.id
    assert version.tags["nasflow.test_accuracy"] == "0.9"
    assert submission.outcome.winner.trial.architecture.id in version.description
    assert len(registry.client.search_runs([registry.experiment_id])) == before, "no run of its own"
    assert registry.client.get_run(submission.run_id).info.status == "FINISHED"
    logged = registry.client.get_logged_model(version.tags["nasflow.model_id"])
    assert logged.experiment_id == registry.experiment_id
    assert (logged.status, logged.source_run_id) == ("READY", submission.run_id)
    assert json.loads(logged.tags["mlflow.modelVersions"]) == [{"name": "first", "version": 1}]
    for run_id in (submission.run_id, submission.parent_run_id):
        path = registry.client.download_artifacts(run_id, "report.html")
        assert Path(path).read_text() == "<p>first 1 champion</p>"
    assert any(f.path == "report.html" for f in registry.client.list_logged_model_artifacts(logged.model_id))


def test_an_outcome_is_registered_once_and_its_report_renewed(registry) -> None:
    submission = registry.submission("once", "once", 1)
    first = register(registry.target, submission, lambda r: f"old {r.why}")
    assert register(registry.target, submission, lambda r: f"new {r.why}") == first
    assert len(registry.client.search_model_versions("name = 'once'")) == 1
    version = registry.client.get_model_version("once", "1")
    for run_id in (submission.run_id, submission.parent_run_id):
        path = registry.client.download_artifacts(run_id, "report.html")
        assert Path(path).read_text() == f"new {first.why}"
    logged = registry.client.get_logged_model(version.tags["nasflow.model_id"])
    root = Path(logged.artifact_location.removeprefix("file://"))
    assert (root / "report.html").read_text() == f"new {first.why}"
    other = replace(submission, outcome=replace(submission.outcome, search_id="another generation"))
    assert register(registry.target, other).version == 2


def test_an_outcome_under_another_name_is_another_model_of_the_same_files(registry) -> None:
    submission = registry.submission("one-name", "names", 1)
    register(registry.target, submission)
    register(registry.target, replace(submission, name="other-name"))
    versions = [registry.client.get_model_version(name, "1") for name in ("one-name", "other-name")]
    (model_id,) = {version.tags["nasflow.model_id"] for version in versions}
    links = json.loads(registry.client.get_logged_model(model_id).tags["mlflow.modelVersions"])
    assert links == [{"name": name, "version": 1} for name in ("one-name", "other-name")]


def test_the_description_says_how_it_compares_with_the_reference(registry) -> None:
    submission = registry.submission("described", "described", 1)
    register(registry.target, submission)
    assert submission.outcome.verdict in registry.client.get_model_version("described", "1").description
    reference = submission.outcome.reference
    failed = replace(reference, result=replace(reference.result, status=Status.CRASHED, cause="It broke."))
    outcome = replace(submission.outcome, reference=failed, comparison=None)
    register(registry.target, replace(submission, outcome=outcome))
    said = registry.client.get_model_version("described", "1").description
    assert "The reference network could not be trained: It broke." in said


def test_better_beyond_doubt_replaces_the_champion(registry) -> None:
    register(registry.target, registry.submission("better", "b1", 2))
    found = register(registry.target, registry.submission("better", "b2", 0))
    assert (found.alias, found.compared_with) == ("champion", 1)
    assert found.comparison is not None
    assert (found.comparison.wins, found.comparison.losses, found.comparison.samples) == (8, 0, 120)
    assert found.why.startswith("It replaces version 1 as champion.")
    assert aliases(registry, "better") == {"champion": 2}


@pytest.mark.parametrize(
    ("name", "quarters", "margin", "said"),
    [
        ("doubt", (1, 0), 0.0, "chance explains that as well"),
        ("worse", (0, 2), 0.0, "Version 2 did worse than version 1"),
        ("equal", (0, 0), 0.0, "did equally well"),
        ("small", (2, 0), 0.1, r"The gain of 0.0667 is below registry.margin, 0.1"),
    ],
)
def test_else_it_is_a_challenger(registry, name: str, quarters: tuple[int, int], margin: float, said: str) -> None:
    old, new = quarters
    register(registry.target, registry.submission(name, f"{name}-1", old))
    found = register(registry.target, registry.submission(name, f"{name}-2", new, margin=margin))
    assert found.alias == "challenger"
    assert "Version 1 stays champion." in found.why
    assert said in found.why
    assert aliases(registry, name) == {"champion": 1, "challenger": 2}


def test_a_champion_of_another_size_is_asked_through_the_resize_of_serving(
    registry, tmp_path: Path, bundle_at: Callable[..., DataBundle]
) -> None:
    small = bundle_at(tmp_path / "small", 8, 3)
    register(registry.target, registry.submission("sizes", "s1", 3, small))
    large = bundle_at(tmp_path / "large", 32, 1)
    found = register(registry.target, registry.submission("sizes", "s2", 0, large))
    assert found.comparison is not None
    assert (found.comparison.wins, found.comparison.losses) == (40, 0)
    assert found.alias == "champion"


def test_the_order_of_the_classes_does_not_matter(
    registry, tmp_path: Path, bundle_at: Callable[..., DataBundle]
) -> None:
    bundle = bundle_at(tmp_path / "data")
    register(registry.target, registry.submission("order", "o1", 0, bundle))
    turned = replace(bundle, classes=bundle.classes[::-1])
    submission = registry.submission("order", "o2", 0, turned)
    found = register(registry.target, submission)
    assert found.comparison is not None
    # the champion knows the classes by name: with the labels turned round it is right for the middle class alone
    assert (found.comparison.wins, found.comparison.losses) == (80, 0)


def test_other_classes_cannot_be_compared(registry, tmp_path: Path, bundle_at: Callable[..., DataBundle]) -> None:
    register(registry.target, registry.submission("classes", "c1", 3))
    other = bundle_at(tmp_path / "data", classes=("cat", "dog", "horse"))
    found = register(registry.target, registry.submission("classes", "c2", 0, other))
    assert (found.alias, found.compared_with, found.comparison) == ("challenger", 1, None)
    assert "cannot be compared: its classes are 3 (cat, dog" in found.why


def test_somebody_elses_champion_cannot_be_compared(registry, tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text("flavors: {python_function: {loader_module: elsewhere}}")
    registry.client.create_registered_model("foreign")
    registry.client.create_model_version("foreign", tmp_path.as_uri(), run_id=registry.run())
    registry.client.set_registered_model_alias("foreign", "champion", "1")
    found = register(registry.target, registry.submission("foreign", "f", 0))
    assert found.alias == "challenger"
    assert "it is no model of nasflow, or damaged (KeyError" in found.why
    assert aliases(registry, "foreign") == {"champion": 1, "challenger": 2}


def test_another_metric_decides_where_it_is_given(registry) -> None:
    def by_probability(first: np.ndarray, second: np.ndarray, targets: np.ndarray):
        def mean(p: np.ndarray) -> Callable[[np.ndarray], float]:
            return lambda i: float(p[i, targets[i]].mean())

        return paired_bootstrap(mean(first), mean(second), len(targets), "maximize")

    register(registry.target, replace(registry.submission("metric", "m1", 3), compare=by_probability))
    found = register(registry.target, replace(registry.submission("metric", "m2", 0), compare=by_probability))
    assert found.alias == "champion"
    assert found.comparison is not None
    assert found.comparison.test == "paired bootstrap"


class Killed(BaseException):
    """Stands for the end of the process."""


STEPS = [
    "create_model_version",
    "set_model_version_tag",
    "set_registered_model_alias",
    "update_model_version",
    "log_text",
]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("after", [False, True])
def test_stopped_anywhere_and_called_again_it_goes_on(
    registry, monkeypatch: pytest.MonkeyPatch, step: str, after: bool
) -> None:
    name = f"killed-{step}-{after}"
    register(registry.target, registry.submission(name, f"{name}-1", 2))
    submission = registry.submission(name, f"{name}-2", 0)
    real = getattr(mlflow.MlflowClient, step)

    def dies(self, *args, **kwargs):
        if after:
            real(self, *args, **kwargs)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(mlflow.MlflowClient, step, dies)
        with pytest.raises(Killed):
            register(registry.target, submission, lambda _: "page")
    found = register(registry.target, submission, lambda _: "page")
    assert (found.version, found.alias, found.compared_with) == (2, "champion", 1)
    assert aliases(registry, name) == {"champion": 2}
    outputs = registry.client.get_run(submission.run_id).outputs.model_outputs
    assert len({output.model_id for output in outputs}) == 1, "one model, however often it was tried"
    assert registry.client.get_model_version(name, "2").tags["nasflow.delivered"] == "true"


def test_a_decision_is_made_anew_when_another_became_champion_meanwhile(
    registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(registry.target, registry.submission("race", "r1", 3))
    slow = registry.submission("race", "r2", 2)
    with monkeypatch.context() as patch:
        patch.setattr(mlflow.MlflowClient, "set_registered_model_alias", lambda *_: (_ for _ in ()).throw(Killed()))
        with pytest.raises(Killed):
            register(registry.target, slow)
    assert register(registry.target, registry.submission("race", "r3", 0)).alias == "champion"
    found = register(registry.target, slow)
    assert (found.alias, found.compared_with) == ("challenger", 3)
    assert aliases(registry, "race") == {"champion": 3, "challenger": 2}


def test_a_run_of_kubeflows_in_the_environment_is_left_alone(registry, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = registry.run()
    monkeypatch.setenv("MLFLOW_RUN_ID", theirs)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", "0")
    submission = registry.submission("kubeflow", "k", 0)
    register(registry.target, submission, lambda _: "page")
    assert os.environ["MLFLOW_RUN_ID"] == theirs
    run = registry.client.get_run(theirs)
    assert not (run.outputs and run.outputs.model_outputs)
    assert not registry.client.list_artifacts(theirs)
    assert registry.client.get_run(submission.run_id).outputs.model_outputs


def test_the_global_tracking_uri_stays_the_callers(registry) -> None:
    before = mlflow.get_tracking_uri()
    register(registry.target, registry.submission("global", "g1", 1))
    register(registry.target, registry.submission("global", "g2", 0))
    assert mlflow.get_tracking_uri() == before
    assert before != registry.target.uri
    assert mlflow.active_run() is None


def test_an_mlflow_that_is_away_is_one_sentence(registry) -> None:
    submission = registry.submission("away", "w", 0)
    with pytest.raises(TrackingError, match="cannot be reached"):
        register(TrackingTarget("http://127.0.0.1:9", "x"), submission)
    with pytest.raises(TrackingError, match="cannot be used"):
        register(registry.target, replace(submission, run_id="0" * 32))


def test_the_decision_is_kept_as_a_document(registry) -> None:
    submission: Submission = registry.submission("kept", "kept", 1)
    found = register(registry.target, submission)
    tags = registry.client.get_model_version("kept", "1").tags
    assert Registration.from_json(json.loads(tags[deciding.DECISION_TAG])) == found


@pytest.mark.slow
def test_a_tracking_server_is_registered_to_over_http(registry, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
    command += [
        "--backend-store-uri",
        f"sqlite:///{tmp_path}/server.db",
        "--artifacts-destination",
        f"{tmp_path}/files",
    ]
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True, cwd=tmp_path)
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2).close()
                break
            except OSError:
                if time.monotonic() > deadline or server.poll() is not None:
                    pytest.fail((tmp_path / "log").read_text())
                time.sleep(0.2)
        remote = type(registry)(TrackingTarget(f"http://127.0.0.1:{port}", "digits"), tmp_path)
        assert register(remote.target, remote.submission("far", "far-1", 2), lambda _: "page").alias == "champion"
        found = register(remote.target, remote.submission("far", "far-2", 0), lambda _: "page")
        assert (found.alias, found.compared_with) == ("champion", 1)
        assert found.comparison is not None
        assert found.comparison.wins == 8
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)
