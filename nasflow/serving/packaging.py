"""Putting the serving code beside a model, so that the model needs no nasflow where it is served."""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow.models import ModelSignature

REQUIREMENTS = ("mlflow", "onnxruntime", "numpy", "pillow")
"""What a served model needs, without versions."""

_MODULES = ("__init__.py", "classifier.py", "pixels.py", "predictor.py")
_SCRIPT = """from mlflow.models import set_model

from {package}.predictor import ImageClassifier

set_model(ImageClassifier())
"""


@dataclass(frozen=True)
class ServingCode:
    """The code of a model, as `mlflow.pyfunc.log_model` takes it.

    Attributes:
        python_model: The script that MLflow runs to get the model.
        code_paths: The packages that the script imports.
    """

    python_model: str
    code_paths: list[str]


@contextmanager
def serving_code() -> Iterator[ServingCode]:
    """Give the serving code as a package of its own, for as long as a model is being logged.

    The package is named after its content, `nasflow_serving_<hash>`, so that models of different releases can be loaded
    into one process.
    """
    sources = {name: Path(__file__).with_name(name).read_text(encoding="utf-8") for name in _MODULES}
    content = hashlib.blake2b("\0".join(sources.values()).encode(), digest_size=4).hexdigest()
    package = f"nasflow_serving_{content}"
    with tempfile.TemporaryDirectory(prefix="nasflow-serving-") as root:
        folder = Path(root)
        (folder / package).mkdir()
        for name, text in sources.items():
            (folder / package / name).write_text(text, encoding="utf-8")
        script = folder / "serve.py"
        script.write_text(_SCRIPT.format(package=package), encoding="utf-8")
        with _importable(root, package):
            yield ServingCode(str(script), [str(folder / package)])


@contextmanager
def _importable(root: str, package: str) -> Iterator[None]:
    """Let MLflow import the package while it runs the script to check it."""
    loaded = set(sys.modules)  # a model that is loaded already may use a package of this name
    sys.path.insert(0, root)
    try:
        yield
    finally:
        sys.path.remove(root)
        for name in set(sys.modules) - loaded:
            if name.partition(".")[0] == package:
                del sys.modules[name]


def signature(classes: list[str]) -> ModelSignature:
    """Return the MLflow signature: a column that holds any form of an image, the class and the probabilities out.

    Args:
        classes: Names of the classes.
    """
    from mlflow.models import ModelSignature
    from mlflow.types.schema import AnyType, ColSpec, DataType, Schema

    probabilities = [ColSpec(DataType.float, f"probability_{name}") for name in classes]
    anything = AnyType()  # type: ignore[no-untyped-call]
    return ModelSignature(
        inputs=Schema([ColSpec(anything, "image")]),
        outputs=Schema([ColSpec(DataType.string, "class"), *probabilities]),
    )
