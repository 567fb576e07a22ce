"""A saved model holds all that it needs but the four packages it names."""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.pyfunc import scoring_server
from PIL import Image

from nasflow.serving.packaging import serving_code

RED = np.zeros((10, 14, 3), np.uint8)
RED[..., 0] = 5

ALONE = """
import sys
class Wall:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"nasflow", "torch", "torchvision", "onnx", "kfp", "pydantic_settings"}:
            raise ImportError(name + " is not here")
sys.meta_path.insert(0, Wall())
import mlflow, numpy as np, pandas as pd
model = mlflow.pyfunc.load_model(sys.argv[1])
image = np.zeros((10, 14, 3), np.uint8)
image[..., 2] = 9
print(model.predict(pd.DataFrame({"image": [image]}))["class"][0])
"""


def png() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(RED).save(buffer, "PNG")
    return buffer.getvalue()


def records(*cells: object) -> str:
    return json.dumps({"dataframe_records": [{"image": cell} for cell in cells]})


def test_loads_and_answers(saved: Path) -> None:
    model = mlflow.pyfunc.load_model(str(saved))
    cells = pd.Series([RED, png(), base64.b64encode(png()).decode(), RED.tolist()], dtype=object)
    found = model.predict(pd.DataFrame({"image": cells}))
    assert found["class"].tolist() == ["red"] * 4
    assert found["probability_red"].nunique() == 1


def test_bad_row_is_named_through_mlflow(saved: Path) -> None:
    model = mlflow.pyfunc.load_model(str(saved))
    with pytest.raises(ValueError, match="row 1: it is no image"):
        model.predict(pd.DataFrame({"image": pd.Series([RED, b"no image"], dtype=object)}))


def test_loads_where_nasflow_is_not_installed(saved: Path, tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-c", ALONE, str(saved)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.stdout.strip() == "blue", result.stderr
    assert "UserWarning" not in result.stderr


def test_what_the_server_does_with_a_request(saved: Path) -> None:
    """MLflow's own parsing and answering, without the port."""
    model = mlflow.pyfunc.load_model(str(saved))
    schema = model.metadata.get_input_schema()
    body = records(RED.tolist(), base64.b64encode(png()).decode())
    answer = scoring_server.invocations(body, "application/json", model, schema)
    assert answer.status == 200
    predictions = json.loads(answer.response)["predictions"]
    assert [row["class"] for row in predictions] == ["red", "red"]
    assert predictions[0] == predictions[1]


def test_the_name_follows_the_content_and_nothing_is_left_behind() -> None:
    before = (list(sys.path), set(sys.modules))
    with serving_code() as code, serving_code() as again:
        package = Path(code.code_paths[0])
        assert package.name == Path(again.code_paths[0]).name
        assert package.name.startswith("nasflow_serving_")
        assert sorted(path.name for path in package.iterdir()) == [
            "__init__.py",
            "classifier.py",
            "pixels.py",
            "predictor.py",
        ]
        assert package.name in Path(code.python_model).read_text()
    assert not package.exists()
    assert (sys.path, set(sys.modules)) == before


def test_two_releases_live_in_one_process(saved: Path, tmp_path: Path) -> None:
    """A model of another release, with other serving code under another name, is not given this one's code."""
    other = Path(shutil.copytree(saved, tmp_path / "other"))
    package = next((other / "code").glob("nasflow_serving_*"))
    renamed = package.rename(package.with_name("nasflow_serving_00000000"))
    script = other / "serve.py"
    script.write_text(script.read_text().replace(package.name, renamed.name))
    classifier = renamed / "classifier.py"
    classifier.write_text(classifier.read_text().replace('f"probability_', 'f"p_'))
    frame = pd.DataFrame({"image": pd.Series([RED], dtype=object)})
    ours, theirs = mlflow.pyfunc.load_model(str(saved)), mlflow.pyfunc.load_model(str(other))
    assert "probability_red" in ours.predict(frame)
    assert "p_red" in theirs.predict(frame)


@pytest.mark.slow
def test_http(saved: Path, tmp_path: Path) -> None:
    """`mlflow models serve` answers an array and a PNG."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", str(saved), "--env-manager", "local"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(
            [*command, "-p", str(port)],
            stdout=log,
            stderr=log,
            env={**os.environ, "PATH": path},
            start_new_session=True,
        )
    try:
        answer = ask(f"http://127.0.0.1:{port}/invocations", records(RED.tolist(), base64.b64encode(png()).decode()))
    finally:
        os.killpg(server.pid, 15)
        server.wait()
    assert [row["class"] for row in answer["predictions"]] == ["red", "red"], (tmp_path / "log").read_text()


def ask(url: str, body: str) -> dict[str, list[dict[str, object]]]:
    request = urllib.request.Request(url, body.encode(), {"Content-Type": "application/json"})
    for _ in range(120):
        try:
            with urllib.request.urlopen(request) as response:
                return json.loads(response.read())
        except (ConnectionError, urllib.error.URLError):
            time.sleep(0.5)
    raise AssertionError("the server did not come up")
