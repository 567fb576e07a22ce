from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
import torch

from nasflow.config import ResourcesConfig
from nasflow.errors import ConfigError
from nasflow.training.device import Device, device_kind, open_device, settle

CPU = ResourcesConfig(device="cpu")
gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


@pytest.fixture
def _threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


class TestKind:
    def test_names_what_torch_computes_with(self):
        assert device_kind(CPU) == f"cpu-{torch.backends.cpu.get_cpu_capability()}"

    def test_follows_a_lower_capability(self):
        program = (
            "from nasflow.config import ResourcesConfig; from nasflow.training.device import device_kind;"
            "print(device_kind(ResourcesConfig(device='cpu')))"
        )
        environment = {"ATEN_CPU_CAPABILITY": "default"}
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment
        )
        assert done.stdout.strip() == "cpu-DEFAULT"

    def test_refuses_a_gpu_that_is_not_there(self, monkeypatch):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        with pytest.raises(ConfigError, match=r"resources\.device is 'cuda', but .* choose 'auto' or 'cpu'"):
            device_kind(ResourcesConfig(device="cuda"))
        assert device_kind(ResourcesConfig(device="auto")).startswith("cpu-")

    @pytest.mark.parametrize(("worker", "index"), [(0, 0), (1, 1), (2, 0), (5, 1)])
    def test_workers_share_the_gpus(self, monkeypatch, worker, index):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda i: (7, 5) if i else (9, 0))
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda i: f"GPU {i}")
        device = open_device(ResourcesConfig(), worker)
        assert device.torch_device == torch.device("cuda", index)
        assert device.kind == f"cuda-GPU {index}"
        assert device.precision == ("float32" if index else "bfloat16")


class TestRules:
    def test_a_cpu_computes_in_float32(self):
        device = open_device(CPU)
        assert device.precision == "float32"
        with device.autocast():
            assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype is torch.float32

    def test_mixed_precision_is_bfloat16(self):
        device = Device(torch.device("cpu"), "cpu", "bfloat16")
        with device.autocast():
            assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype is torch.bfloat16

    @pytest.mark.usefixtures("_threads")
    def test_settling_fixes_threads_and_denormals(self):
        settle(open_device(CPU), 2)
        assert torch.get_num_threads() == 2
        settle(open_device(CPU), 1)
        assert torch.get_num_threads() == 1
        assert float(torch.tensor([1e-40]) * 1) == 0.0

    @gpu
    def test_settling_a_gpu_asks_for_repeatable_kernels(self):
        settle(open_device(ResourcesConfig()), 1)
        assert torch.are_deterministic_algorithms_enabled()
        assert not torch.backends.cudnn.benchmark
