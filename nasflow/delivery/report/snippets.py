"""How to use the model: commands and code that run as they are printed."""

from __future__ import annotations

import re
from dataclasses import dataclass

from nasflow.delivery.report.data import ReportData
from nasflow.passwords import without_login

_PORT = 5001


@dataclass(frozen=True)
class Snippet:
    """A piece of code: what it does, in which language, and its text."""

    title: str
    language: str
    text: str


def snippets(data: ReportData) -> list[Snippet]:
    """Return how to use the model: from Python, over HTTP, and without MLflow."""
    found = []
    if data.usage.model:
        # By number once it is known: an alias moves on, and a report stays.
        which = f"/{data.registration.version}" if data.registration else "@champion"
        uri, where = f"models:/{data.usage.model}{which}", without_login(data.usage.tracking_uri)
        found += [_python(uri, where), _serving(uri, where), _request()]
    return [*found, _onnx(data)]


def _python(uri: str, where: str) -> Snippet:
    text = f"""\
import mlflow
import pandas as pd

mlflow.set_tracking_uri({where!r})
model = mlflow.pyfunc.load_model({uri!r})

with open("image.png", "rb") as file:
    print(model.predict(pd.DataFrame({{"image": [file.read()]}})))
"""
    return Snippet("From Python, an image file of any size", "python", text)


def _serving(uri: str, where: str) -> Snippet:
    text = f"""\
MLFLOW_TRACKING_URI={_shell(where)} \\
  mlflow models serve --model-uri {_shell(uri)} --env-manager local --port {_PORT}
"""
    return Snippet("As a server", "shell", text)


def _request() -> Snippet:
    text = f"""\
printf '{{"dataframe_records": [{{"image": "%s"}}]}}' "$(base64 < image.png | tr -d '\\n')" |
  curl --silent --header 'Content-Type: application/json' --data-binary @- \\
    http://127.0.0.1:{_PORT}/invocations
"""
    return Snippet("A request to the server", "shell", text)


def _onnx(data: ReportData) -> Snippet:
    size, grey = data.asked.size, data.asked.channels == 1
    mode, shape = ("L", f"1, {size}, {size}, 1") if grey else ("RGB", f"1, {size}, {size}, 3")
    text = f"""\
import numpy as np
import onnxruntime
from PIL import Image

classes = {list(data.usage.classes)!r}
image = Image.open("image.png").convert("{mode}").resize(({size}, {size}), Image.Resampling.BILINEAR)
session = onnxruntime.InferenceSession({data.usage.onnx!r})
(probabilities,) = session.run(None, {{"image": np.asarray(image).reshape({shape})}})
print(classes[probabilities[0].argmax()], probabilities[0].max())
"""
    return Snippet("With ONNX Runtime alone", "python", text)


def _shell(text: str) -> str:
    return text if re.fullmatch(r"[\w@%+=:,./-]+", text) else "'" + text.replace("'", "'\"'\"'") + "'"
