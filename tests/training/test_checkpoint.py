from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import asdict, replace

import pytest
import torch

from nasflow.errors import IntegrityError
from nasflow.training.checkpoint import Progress, pack, read_progress, unpack
from nasflow.trials import EpochPoint

PROGRESS = Progress(
    "trial",
    (
        EpochPoint(1, {"train_loss": 0.1 + 0.2, "learning_rate": 5e-324}, 1700000000.1234567, 1700000001.0),
        EpochPoint(2, {"train_loss": 1 / 3, "learning_rate": 1e300}, 1700000001.5, 1700000002.0),
    ),
    {"val_accuracy": 2 / 3},
    1699999999.999,
)


def network() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return {
        "conv.weight": torch.randn(4, 3, 3, 3).to(memory_format=torch.channels_last),
        "odd": torch.tensor([float("nan"), float("inf"), -0.0, 1e-40]),
        "half": torch.randn(5).bfloat16(),
        "count": torch.tensor(2**60),
        "empty": torch.zeros(0),
    }


def bits(tensor: torch.Tensor) -> bytes:
    return tensor.contiguous().flatten().view(torch.uint8).numpy().tobytes() if tensor.numel() else b""


class TestRoundTrip:
    def test_is_exact_to_the_last_bit(self):
        tensors, state = network(), {"0.momentum.0": torch.randn(7)}
        progress, parts = unpack("key", pack(PROGRESS, {"network": tensors, "optimizer": state}))
        found = parts["network"]
        assert progress == PROGRESS
        assert found.keys() == tensors.keys()
        for name, tensor in tensors.items():
            assert (found[name].shape, found[name].dtype) == (tensor.shape, tensor.dtype)
            assert bits(found[name]) == bits(tensor)
        assert torch.equal(parts["optimizer"]["0.momentum.0"], state["0.momentum.0"])

    def test_of_tensors_that_share_memory(self):
        shared = torch.randn(6)
        tensors = {"a": shared, "b": shared, "part": shared[2:4], "column": torch.randn(4, 4)[:, 1]}
        _, parts = unpack("key", pack(PROGRESS, {"network": tensors, "best": tensors, "optimizer": {}}))
        for part in ("network", "best"):
            assert all(torch.equal(parts[part][name], tensor) for name, tensor in tensors.items())
        assert parts.keys() == {"network", "best"}

    def test_of_a_trial_at_its_beginning(self):
        start = Progress("trial", (), {}, 0.0)
        assert start.epoch == 0
        assert unpack("key", pack(start, {}))[0] == start
        assert PROGRESS.epoch == 2

    def test_of_how_it_is_trained(self):
        there = replace(PROGRESS, best=1, accumulation=4)
        assert read_progress("key", pack(there, {})) == there

    def test_what_is_not_finite_never_gets_into_the_curve(self):
        with pytest.raises(ValueError, match="JSON"):
            pack(Progress("trial", (), {"val_loss": math.nan}, 0.0), {})


class TestDamage:
    CONTENT = pack(PROGRESS, {"network": network()})

    @pytest.mark.parametrize("length", [0, 4, 8, 20, 200])
    def test_a_cut_header_is_noticed(self, length):
        with pytest.raises(IntegrityError, match=r"'some/key' was cut or altered.*starts anew"):
            read_progress("some/key", self.CONTENT[:length])

    def test_cut_tensors_are_noticed(self):
        with pytest.raises(IntegrityError, match="'some/key' was cut or altered"):
            unpack("some/key", self.CONTENT[:-1])

    def test_a_foreign_file_is_noticed(self):
        header = json.dumps({"__metadata__": {"progress": "[]"}}).encode()
        for content in (
            b"\xff" * 100,
            b"PK\x03\x04" + bytes(100),
            len(header).to_bytes(8, "little") + header,
            (2).to_bytes(8, "little") + b"{}",
        ):
            with pytest.raises(IntegrityError):
                read_progress("key", content)


def test_the_curve_is_read_without_torch(tmp_path):
    path = tmp_path / "checkpoint"
    path.write_bytes(pack(PROGRESS, {"network": network()}))
    program = f"""
import pathlib, sys
from nasflow.training.checkpoint import read_progress
print(read_progress("key", pathlib.Path({str(path)!r}).read_bytes()).epoch, "torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["2", "False"]


def test_a_bit_that_turned_anywhere_is_noticed() -> None:
    content = pack(PROGRESS, {"network": network()})
    unpack("key", content)
    for place in range(0, len(content), 7):
        damaged = bytearray(content)
        damaged[place] ^= 1
        with pytest.raises(IntegrityError, match="the checkpoint 'key' was cut or altered"):
            unpack("key", bytes(damaged))


def test_one_without_a_checksum_is_not_used() -> None:
    from safetensors.torch import save

    tensors = {name: tensor.contiguous() for name, tensor in network().items()}
    content = save(tensors, metadata={"progress": json.dumps(asdict(PROGRESS))})
    with pytest.raises(IntegrityError, match="the checkpoint 'key' was cut or altered"):
        unpack("key", content)
