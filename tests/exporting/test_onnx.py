"""Exports are right on real networks, say so with a figure where they are not, and leave the network alone."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from nasflow.errors import SearchError
from nasflow.exporting import export_onnx, verify_onnx
from nasflow.exporting.onnx import predict_onnx
from nasflow.spaces import NetworkIO


class Small(nn.Module):
    """A network with all that the families use: normalisation, squeeze-excite, a branch, pooling."""

    def __init__(self, channels: int, outputs: int, activation: type[nn.Module] = nn.SiLU) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(channels, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), activation())
        self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.squeeze, self.excite = nn.Conv2d(8, 2, 1), nn.Conv2d(2, 8, 1)
        self.head = nn.Linear(8, outputs)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = self.stem((image.float() / 255 - 0.4) / 0.3)
        scale = torch.sigmoid(self.excite(torch.relu(self.squeeze(nn.functional.adaptive_avg_pool2d(x, 1)))))
        x = nn.functional.max_pool2d(x + self.depthwise(x) * scale, 2)
        return self.head(nn.functional.adaptive_avg_pool2d(x, 1).flatten(1))


def images(count: int, size: int, channels: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, size, size, channels), dtype=np.uint8)


@pytest.mark.parametrize(("channels", "size", "outputs"), [(1, 8, 10), (3, 32, 2), (3, 33, 5)])
@pytest.mark.parametrize("activation", [nn.SiLU, nn.GELU, nn.Tanh, nn.ReLU, nn.Sigmoid])
def test_export_equals_pytorch_for_every_batch(
    tmp_path: Path, channels: int, size: int, outputs: int, activation: type[nn.Module]
) -> None:
    torch.manual_seed(0)
    network, path = Small(channels, outputs, activation), tmp_path / "made" / "model.onnx"
    export_onnx(network, NetworkIO(channels, size, outputs), path)
    assert verify_onnx(path, network, images(40, size, channels)) < 1e-5


def test_the_file_alone_runs_in_onnx_runtime(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    export_onnx(Small(3, 4), NetworkIO(3, 16, 4), path)
    session = onnxruntime.InferenceSession(str(path))
    (entry,), (exit_,) = session.get_inputs(), session.get_outputs()
    assert (entry.name, entry.type, entry.shape[1:]) == ("image", "tensor(uint8)", [16, 16, 3])
    assert (exit_.name, exit_.type, exit_.shape[1:]) == ("probabilities", "tensor(float)", [4])
    for count in (1, 7):
        (found,) = session.run(None, {"image": images(count, 16, 3)})
        assert found.shape == (count, 4)
        np.testing.assert_allclose(found.sum(1), 1, atol=1e-5)
    assert [p.name for p in tmp_path.iterdir()] == ["model.onnx"], "one file, no external data, nothing left over"


def test_dropout_and_batch_norm_are_in_evaluation_mode_and_training_mode_comes_back(tmp_path: Path) -> None:
    network = nn.Sequential(Small(1, 3), nn.Dropout(0.9)).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    export_onnx(network, NetworkIO(1, 8, 3), tmp_path / "m.onnx")
    assert verify_onnx(tmp_path / "m.onnx", network, images(5, 8, 1)) < 1e-5
    assert network.training
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


def test_a_changed_network_is_refused_with_the_figure(tmp_path: Path) -> None:
    network = Small(1, 3)
    export_onnx(network, NetworkIO(1, 8, 3), tmp_path / "m.onnx")
    with torch.no_grad():
        network.head.bias[0] += 1
    with pytest.raises(SearchError, match=r"differs from PyTorch by 0\.\d+ in a probability, above 0\.0001"):
        verify_onnx(tmp_path / "m.onnx", network, images(5, 8, 1))


def test_not_a_number_is_refused(tmp_path: Path) -> None:
    network = Small(1, 3)
    with torch.no_grad():
        network.head.bias[0] = torch.nan
    export_onnx(network, NetworkIO(1, 8, 3), tmp_path / "m.onnx")
    with pytest.raises(SearchError, match="nan"):
        verify_onnx(tmp_path / "m.onnx", network, images(5, 8, 1))


class BatchBound(nn.Module):
    """Tracing bakes the batch of the example into this network."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(64, 3)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = image.float() / 255
        return self.head(torch.cat([x[i : i + 1].flatten(1) for i in range(int(x.shape[0]))]))


def test_a_trace_that_holds_for_one_batch_only_is_caught(tmp_path: Path) -> None:
    network = BatchBound()
    export_onnx(network, NetworkIO(1, 8, 3), tmp_path / "m.onnx")
    with pytest.raises(SearchError, match=r"not float32|cannot be run"):
        verify_onnx(tmp_path / "m.onnx", network, images(40, 8, 1))


class Untraceable(nn.Module):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError("no such operation")


def test_what_cannot_be_exported_is_one_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(SearchError, match=r"cannot be exported to ONNX.*its family's `build`"):
        export_onnx(Untraceable(), NetworkIO(1, 8, 3), tmp_path / "m.onnx")
    assert not list(tmp_path.iterdir())


def test_no_images_and_no_file_are_said(tmp_path: Path) -> None:
    with pytest.raises(SearchError, match="none were given"):
        verify_onnx(tmp_path / "m.onnx", Small(1, 3), images(0, 8, 1))
    with pytest.raises(SearchError, match="cannot be run"):
        verify_onnx(tmp_path / "m.onnx", Small(1, 3), images(1, 8, 1))


def test_predictions_in_chunks_equal_those_at_once(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    export_onnx(Small(1, 3), NetworkIO(1, 8, 3), path)
    many = images(300, 8, 1)
    (expected,) = onnxruntime.InferenceSession(str(path)).run(None, {"image": many})
    np.testing.assert_allclose(predict_onnx(path, many), expected, atol=1e-6)
    cut = predict_onnx(path, images(300, 9, 1), lambda chunk: chunk[:, :8, :8])
    np.testing.assert_allclose(cut, predict_onnx(path, images(300, 9, 1)[:, :8, :8]), atol=1e-6)
    with pytest.raises(SearchError, match=r"does not answer for images of shape \[9, 9, 1\]"):
        predict_onnx(path, images(2, 9, 1))


def test_exporting_is_silent_and_importing_it_needs_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys, nasflow.exporting as e; assert 'torch' not in sys.modules\n"
        "import torch; from torch import nn; from pathlib import Path; from nasflow.spaces import NetworkIO\n"
        "class N(nn.Module):\n"
        "    def __init__(self): super().__init__(); self.l = nn.Linear(64, 3)\n"
        "    def forward(self, x): return self.l(x.float().flatten(1))\n"
        f"e.export_onnx(N(), NetworkIO(1, 8, 3), Path({str(tmp_path / 'm.onnx')!r}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == done.stderr == ""
