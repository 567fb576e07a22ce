"""A trained network to ONNX: images as they are stored in, probabilities out, and the proof that both agree."""

from __future__ import annotations

import contextlib
import io as text_io
import logging
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nasflow.errors import SearchError
from nasflow.spaces import NetworkIO

if TYPE_CHECKING:
    from torch import nn

INPUT = "image"
"""Name of the input: uint8 (N, size, size, channels), values 0 to 255."""

OUTPUT = "probabilities"
"""Name of the output: float32 (N, outputs), each row sums to one."""

TOLERANCE = 1e-4
"""Largest difference between the probabilities of ONNX Runtime and PyTorch that passes as rounding."""

_OPSET = 17
_BATCHES = (1, 2, 33)
_CHUNK = 256


def export_onnx(network: nn.Module, io: NetworkIO, target: Path) -> None:
    """Write a network as one ONNX file with a batch of any size.

    The tracing exporter is tried first: it takes a tenth of the time of the graph-capturing one, which is left for
    networks that cannot be traced. Neither is trusted: see `verify_onnx`. The network's mode and device are left as
    they were.

    Args:
        network: Takes uint8 (N, channels, size, size) and gives logits (N, outputs), float32.
        io: What goes in and what comes out.
        target: File to write; it appears whole or not at all.

    Raises:
        SearchError: Neither exporter can express the network.
    """
    import torch

    mode, device = network.training, next((p.device for p in network.parameters()), torch.device("cpu"))
    served = _served(network.cpu().eval())
    sample = torch.zeros((2, io.size, io.size, io.channels), dtype=torch.uint8)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    try:
        with _quiet(), torch.no_grad():
            try:
                _traced(served, sample, part)
            except Exception:  # the exporters raise whatever the network's code meets; the other one may do better
                _captured(served, sample, part)
        part.replace(target)
    except Exception as error:
        raise SearchError(
            f"the network cannot be exported to ONNX: {type(error).__name__}: {_first_line(error)}; "
            f"its family's `build` must use operations that ONNX has."
        ) from error
    finally:
        part.unlink(missing_ok=True)
        network.train(mode).to(device)


def verify_onnx(path: Path, network: nn.Module, images: NDArray[np.uint8]) -> float:
    """Compare an ONNX file with its network on real images, in batches of 1, 2 and 33 and on all of them.

    Args:
        path: What `export_onnx` wrote.
        network: The network it was made from.
        images: uint8 (N, size, size, channels), at least one; they are repeated where a batch needs more.

    Returns:
        The largest absolute difference between two probabilities.

    Raises:
        SearchError: The difference is above 1e-4 or no number, or the file cannot be run.
    """
    import onnxruntime

    if len(images) == 0:
        raise SearchError("an exported network is verified on real images; none were given.")
    mode = network.training
    served = _served(network.eval())
    try:
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        batches = [np.take(images, range(size), axis=0, mode="wrap") for size in _BATCHES]
        batches += [images[start : start + _CHUNK] for start in range(0, len(images), _CHUNK)]
        largest = max(_difference(session, served, np.ascontiguousarray(batch)) for batch in batches)
    except SearchError:
        raise
    except Exception as error:  # ONNX Runtime raises classes of its own for each kind of fault
        raise SearchError(f"the exported network {path.name} cannot be run: {type(error).__name__}: {error}") from error
    finally:
        network.train(mode)
    if not largest <= TOLERANCE:
        raise SearchError(
            f"the exported network {path.name} differs from PyTorch by {largest:.3g} in a probability, "
            f"above {TOLERANCE:g}; it is not delivered."
        )
    return largest


def predict_onnx(
    path: Path, images: NDArray[np.uint8], prepare: Callable[[NDArray[np.uint8]], NDArray[np.uint8]] | None = None
) -> NDArray[np.float32]:
    """Return the probabilities (N, outputs), float32, of an ONNX file for images.

    Args:
        path: The file.
        images: uint8 (N, H, W, C), at least one; may be memory-mapped, a part at a time is read.
        prepare: Makes of some of the images what the file takes; by default they are taken as they are.

    Raises:
        SearchError: The file cannot be run, or takes other images than these.
    """
    import onnxruntime

    found = []
    try:
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name
        for start in range(0, len(images), _CHUNK):
            chunk = images[start : start + _CHUNK]
            given = np.ascontiguousarray(prepare(chunk) if prepare else chunk)
            found.append(session.run(None, {name: given})[0])
    except Exception as error:  # ONNX Runtime raises classes of its own for each kind of fault
        raise SearchError(
            f"{path.name} does not answer for images of shape {list(images.shape[1:])}: {_first_line(error)}"
        ) from error
    return np.concatenate(found)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["no reason given"])[0]


def _served(network: nn.Module) -> nn.Module:
    from torch import Tensor, nn

    class Served(nn.Module):
        """The network as it is served."""

        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, image: Tensor) -> Tensor:
            logits: Tensor = self.network(image.permute(0, 3, 1, 2))
            return logits.float().softmax(-1)

    return Served().eval()


def _traced(served: nn.Module, sample: object, path: Path) -> None:
    import torch

    torch.onnx.export(
        served,
        (sample,),
        str(path),
        dynamo=False,
        input_names=[INPUT],
        output_names=[OUTPUT],
        dynamic_axes={INPUT: {0: "batch"}, OUTPUT: {0: "batch"}},
        opset_version=_OPSET,
    )


def _captured(served: nn.Module, sample: object, path: Path) -> None:
    import torch

    torch.onnx.export(
        served,
        (sample,),
        str(path),
        dynamo=True,
        input_names=[INPUT],
        output_names=[OUTPUT],
        dynamic_shapes={INPUT: {0: torch.export.Dim("batch", min=1)}},
        external_data=False,
        verbose=False,
    )


def _difference(session: object, served: nn.Module, batch: NDArray[np.uint8]) -> float:
    import torch

    device = next((p.device for p in served.parameters()), torch.device("cpu"))
    with torch.no_grad():
        expected = served(torch.from_numpy(batch).to(device)).cpu().numpy()
    found = session.run([OUTPUT], {INPUT: batch})[0]  # type: ignore[attr-defined]  # onnxruntime has no types
    if found.shape != expected.shape or found.dtype != np.float32:
        raise SearchError(f"the exported network gives {found.dtype} {found.shape}, not float32 {expected.shape}.")
    # NaN anywhere makes the largest difference NaN, which no comparison passes
    return float(np.abs(found - expected).max())


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hold back what the exporters print and warn of: none of it is for a user of nasflow."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(text_io.StringIO()),
            contextlib.redirect_stderr(text_io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
