"""The package that is registered: loaded by MLflow, served over HTTP, and needing nothing of nasflow."""

import base64
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from importlib.metadata import version
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from nasflow.delivery.packaging import ModelFiles, log_model, logged_before, png, requirements
from nasflow.delivery.registering import register

COLUMNS = ["class", "probability_cat", "probability_dog", 'probability_a "quoted" <b>bird</b>']


@pytest.fixture(scope="module")
def submitted(registry):
    submission = registry.submission("served", "served", 1)
    register(registry.target, submission)
    return submission


@pytest.fixture
def at(registry):
    """Let the process's own MLflow be the registry, as a user's would."""
    mlflow.set_tracking_uri(registry.target.uri)
    yield
    mlflow.set_tracking_uri(None)  # any other value would stay in the environment, for all that follows


def test_the_champion_loads_and_answers_as_evaluation_did(at, submitted) -> None:
    model = mlflow.pyfunc.load_model("models:/served@champion")
    images = submitted.bundle.images("test")
    answer = model.predict(pd.DataFrame({"image": list(images)}))
    assert list(answer.columns) == COLUMNS
    np.testing.assert_allclose(answer[COLUMNS[1:]].to_numpy(), submitted.probabilities, atol=1e-6)
    assert answer["class"].tolist() == [submitted.bundle.classes[k] for k in submitted.probabilities.argmax(1)]
    again = mlflow.pyfunc.load_model("models:/served/1")
    assert again.predict(pd.DataFrame({"image": [png(images[0])]}))["class"][0] == answer["class"][0]


def test_arrays_bytes_base64_and_other_sizes_are_one_image(at, submitted) -> None:
    model = mlflow.pyfunc.load_model("models:/served@champion")
    image = np.array(submitted.bundle.images("test")[5])
    large = np.asarray(Image.fromarray(image[:, :, 0]).resize((64, 48), Image.Resampling.NEAREST))
    buffer = io.BytesIO()
    Image.fromarray(large).convert("RGB").save(buffer, "PNG")
    forms = [
        image,
        image[:, :, 0],
        large,
        buffer.getvalue(),
        base64.b64encode(buffer.getvalue()).decode(),
        image.tolist(),
    ]
    answer = model.predict(pd.DataFrame({"image": forms}))
    assert answer["class"].nunique() == 1
    assert answer["class"][0] == submitted.bundle.classes[int(submitted.probabilities[5].argmax())]


def test_signature_example_and_requirements(at, registry, submitted) -> None:
    model = mlflow.pyfunc.load_model("models:/served@champion")
    assert [column.name for column in model.metadata.signature.inputs.inputs] == ["image"]
    assert [column.name for column in model.metadata.signature.outputs.inputs] == COLUMNS
    assert model.predict(model.input_example).shape == (1, 4)
    listed = Path(mlflow.pyfunc.get_model_dependencies("models:/served@champion")).read_text().split()
    assert sorted(listed) == sorted(requirements())
    assert sorted(line.partition("==")[0] for line in listed) == ["mlflow", "numpy", "onnxruntime", "pillow"]
    assert f"onnxruntime=={version('onnxruntime')}" in listed


def test_nothing_in_the_package_is_pickled_or_cached(registry, submitted) -> None:
    model = registry.client.get_model_version_by_alias("served", "champion")
    root = Path(
        registry.client.get_logged_model(model.tags["nasflow.model_id"]).artifact_location.removeprefix("file://")
    )
    names = {path.name for path in root.rglob("*") if path.is_file()}
    assert {"model.onnx", "metadata.json", "pixels.py", "predictor.py", "MLmodel"} <= names
    assert not [name for name in names if name.endswith((".pkl", ".pickle", ".pyc"))]


def test_serving_imports_nothing_of_nasflow_nor_torch(registry, submitted) -> None:
    code = (
        "import sys, mlflow, pandas as pd\n"
        f"mlflow.set_tracking_uri({registry.target.uri!r})\n"
        "m = mlflow.pyfunc.load_model('models:/served@champion')\n"
        f"m.predict(pd.DataFrame({{'image': [{png(submitted.bundle.images('test')[0])!r}]}}))\n"
        "print([n for n in sys.modules if n in ('nasflow', 'torch', 'sklearn')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_model_logged_before_is_found_by_its_tag(registry, submitted) -> None:
    run_id = registry.run()
    files = ModelFiles(submitted.onnx, submitted.bundle.classes, submitted.bundle.images("test")[0])
    assert logged_before(registry.client, run_id, "t", "1") is None
    made = log_model(registry.client, run_id, "m", files, {"t": "1"})
    assert logged_before(registry.client, run_id, "t", "1") == made
    assert logged_before(registry.client, run_id, "t", "2") is None


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("step", ["log_model_artifacts", "finalize_logged_model", "log_outputs"])
@pytest.mark.parametrize("after", [False, True])
def test_what_a_kill_leaves_behind_is_used_or_cleared_away(
    registry, submitted, monkeypatch: pytest.MonkeyPatch, step: str, after: bool
) -> None:
    run_id, tags = registry.run(), {"t": f"{step}-{after}"}
    files = ModelFiles(submitted.onnx, submitted.bundle.classes, submitted.bundle.images("test")[0])
    real = getattr(mlflow.MlflowClient, step)

    def dies(self, *args, **kwargs):
        if after:
            real(self, *args, **kwargs)
        monkeypatch.undo()
        # a killed process marks nothing as failed either
        monkeypatch.setattr(mlflow.MlflowClient, "finalize_logged_model", lambda *_: None)
        raise Killed

    monkeypatch.setattr(mlflow.MlflowClient, step, dies)
    with pytest.raises(Killed):
        log_model(registry.client, run_id, "m", files, tags)
    monkeypatch.undo()
    whole = step == "log_outputs" or (step == "finalize_logged_model" and after)
    found = logged_before(registry.client, run_id, "t", tags["t"])
    assert (found is not None) is whole
    made = found or log_model(registry.client, run_id, "m", files, tags)
    left = registry.client.search_logged_models([registry.experiment_id], filter_string=f"tags.t = '{tags['t']}'")
    assert [(model.model_id, model.status) for model in left] == [(made, "READY")]
    assert [output.model_id for output in registry.client.get_run(run_id).outputs.model_outputs] == [made]
    assert logged_before(registry.client, run_id, "t", tags["t"]) == made


def test_models_of_other_runs_are_left_alone(registry, submitted) -> None:
    files = ModelFiles(submitted.onnx, submitted.bundle.classes, submitted.bundle.images("test")[0])
    theirs = registry.run()
    pending = registry.client.create_logged_model(
        registry.experiment_id, "m", source_run_id=theirs, tags={"t": "shared"}
    )
    whole = log_model(registry.client, theirs, "m", files, {"t": "shared"})
    assert logged_before(registry.client, registry.run(), "t", "shared") is None
    for model_id in (pending.model_id, whole):
        assert registry.client.get_logged_model(model_id).model_id == model_id


def test_a_model_that_cannot_be_packed_is_marked_as_failed(registry, submitted, tmp_path: Path) -> None:
    run_id = registry.run()
    files = ModelFiles(tmp_path / "missing.onnx", submitted.bundle.classes, submitted.bundle.images("test")[0])
    with pytest.raises(FileNotFoundError):
        log_model(registry.client, run_id, "m", files, {"t": "1"})
    found = registry.client.search_logged_models([registry.experiment_id])
    assert [model.status for model in found if model.source_run_id == run_id] == ["FAILED"]


@pytest.mark.parametrize("channels", [1, 3])
def test_png_keeps_every_pixel(channels: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (9, 9, channels), np.uint8)
    with Image.open(io.BytesIO(base64.b64decode(png(image)))) as read:
        np.testing.assert_array_equal(np.asarray(read).reshape(9, 9, channels), image)


def ask(port: int, records: list[dict[str, object]]) -> list[dict[str, object]]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/invocations",
        json.dumps({"dataframe_records": records}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)["predictions"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.slow
def test_mlflow_models_serve_answers_over_http(registry, submitted, tmp_path: Path) -> None:
    port = free_port()
    command = ["-m", "mlflow", "models", "serve", "-m", "models:/served@champion", "--env-manager", "local"]
    environment = os.environ | {
        "MLFLOW_TRACKING_URI": registry.target.uri,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, *command, "-p", str(port)],
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd=tmp_path,
        )
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=2).close()
                break
            except OSError:
                if time.monotonic() > deadline or server.poll() is not None:
                    pytest.fail((tmp_path / "log").read_text())
                time.sleep(0.2)
        image = np.array(submitted.bundle.images("test")[7])
        grey, colour = image[:, :, 0].tolist(), np.repeat(image, 3, 2).tolist()
        answers = ask(port, [{"image": form} for form in (image.tolist(), grey, colour, png(image))])
        expected = submitted.bundle.classes[int(submitted.probabilities[7].argmax())]
        assert [answer["class"] for answer in answers] == [expected] * 4
        for place, name in enumerate(submitted.bundle.classes):
            assert answers[3][f"probability_{name}"] == pytest.approx(
                float(submitted.probabilities[7, place]), abs=1e-5
            )
        with pytest.raises(urllib.error.HTTPError) as refused:
            ask(port, [{"image": "no image"}])
        assert "row 0" in refused.value.read().decode()
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)
