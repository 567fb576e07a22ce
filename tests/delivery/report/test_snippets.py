"""What is printed under `How to use the model` runs as printed."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nasflow.delivery.outcome import Registration
from nasflow.delivery.registering import register
from nasflow.delivery.report import ReportData
from nasflow.delivery.report.snippets import Snippet, snippets


def titled(found: list[Snippet], part: str) -> str:
    return next(snippet.text for snippet in found if part in snippet.title)


def of(submission, registry, data: ReportData) -> ReportData:
    bundle = submission.bundle
    asked = replace(data.asked, size=bundle.size, channels=bundle.channels)
    usage = replace(
        data.usage,
        model=submission.name,
        onnx=str(submission.onnx),
        tracking_uri=registry.target.uri,
        classes=bundle.classes,
    )
    return replace(data, asked=asked, usage=usage)


@pytest.fixture
def used(registry, data: ReportData, tmp_path: Path):
    """Return the data of a registered model, and what it says of the image that lies beside."""
    submission = registry.submission("snippets", "snippets", 1)
    register(registry.target, submission)
    image = np.array(submission.bundle.images("test")[4])[:, :, 0]
    large = Image.fromarray(image).resize((80, 80), Image.Resampling.NEAREST).convert("RGB")
    large.save(tmp_path / "image.png")
    return of(submission, registry, data), submission.bundle.classes[int(submission.probabilities[4].argmax())]


def python(text: str, folder: Path) -> str:
    (folder / "snippet.py").write_text(text)
    done = subprocess.run([sys.executable, "snippet.py"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_python_and_onnx_runtime_answer_alike(used, tmp_path: Path) -> None:
    data, expected = used
    found = snippets(data)
    assert expected in python(titled(found, "From Python"), tmp_path)
    assert expected in python(titled(found, "ONNX Runtime"), tmp_path)


@pytest.mark.slow
def test_the_server_and_the_request_run_as_printed(used, tmp_path: Path) -> None:
    data, expected = used
    found = snippets(data)
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(
            ["bash", "-c", titled(found, "server")],
            cwd=tmp_path, env=environment, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                urllib.request.urlopen("http://127.0.0.1:5001/ping", timeout=2).close()
                break
            except OSError:
                if time.monotonic() > deadline or server.poll() is not None:
                    pytest.fail((tmp_path / "log").read_text())
                time.sleep(0.2)
        done = subprocess.run(
            ["bash", "-c", titled(found, "request")], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        assert expected.replace('"', '\\"') in done.stdout
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


def test_the_version_is_the_one_it_got(data: ReportData) -> None:
    assert "models:/digits@champion" in titled(snippets(data), "From Python")
    registered = replace(data, registration=Registration("digits", 4, "challenger", "run", ""))
    assert "models:/digits/4" in titled(snippets(registered), "server")


def test_without_a_registered_model_only_onnx_runtime_is_left(data: ReportData) -> None:
    (only,) = snippets(replace(data, usage=replace(data.usage, model=None)))
    assert only.title == "With ONNX Runtime alone"


def test_colour_images_are_read_as_colour(data: ReportData) -> None:
    colour = replace(data, asked=replace(data.asked, size=32, channels=3))
    text = titled(snippets(colour), "ONNX")
    assert 'convert("RGB")' in text
    assert "reshape(1, 32, 32, 3)" in text


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("https://me:secret@mlflow.example:5000/x?a=1", "https://mlflow.example:5000/x?a=1"),
        ("postgresql://u:sec@secret@db/mlflow", "postgresql://db/mlflow"),
        ("sqlite:////tmp/mlflow.db", "sqlite:////tmp/mlflow.db"),
        ("https://mlflow.example", "https://mlflow.example"),
    ],
)
def test_passwords_are_never_shown(uri: str, shown: str, data: ReportData) -> None:
    texts = [snippet.text for snippet in snippets(replace(data, usage=replace(data.usage, tracking_uri=uri)))]
    assert "secret" not in "".join(texts)
    assert shown in texts[0]


def test_strange_paths_are_quoted_for_the_shell(data: ReportData) -> None:
    strange = replace(data, usage=replace(data.usage, tracking_uri="sqlite:////tmp/my $files/it's.db"))
    line = titled(snippets(strange), "server").partition(" \\\n")[0]
    done = subprocess.run(
        ["bash", "-c", f'{line}; printf %s "$MLFLOW_TRACKING_URI"'], capture_output=True, text=True, check=True
    )
    assert done.stdout == "sqlite:////tmp/my $files/it's.db"
