"""The device that trials train on, and the fixed rules that hang on it."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from nasflow.config import ResourcesConfig
from nasflow.errors import ConfigError

if TYPE_CHECKING:
    import torch

Precision = Literal["float32", "bfloat16"]


@dataclass(frozen=True)
class Device:
    """A device and its rules.

    Attributes:
        torch_device: The device itself.
        kind: `cpu-<torch's CPU capability>` or `cuda-<GPU name>`; part of a trial's identity.
        precision: `bfloat16` (mixed, weights in float32) on GPUs of compute capability 8 and more, else `float32`.
    """

    torch_device: torch.device
    kind: str
    precision: Precision

    def autocast(self) -> AbstractContextManager[Any]:
        """Return the context in which the network and its loss are computed."""
        import torch

        if self.precision == "float32":
            return nullcontext()
        return torch.autocast(self.torch_device.type, dtype=torch.bfloat16)


def open_device(resources: ResourcesConfig, worker: int = 0) -> Device:
    """Return the device of a worker: worker i has GPU i modulo their number, or the CPU.

    Args:
        resources: What the search may use.
        worker: Number of the worker, from 0.

    Raises:
        ConfigError: A GPU is asked for and there is none.
    """
    import torch

    if not _uses_gpu(resources):
        return Device(torch.device("cpu"), f"cpu-{torch.backends.cpu.get_cpu_capability()}", "float32")
    index = worker % torch.cuda.device_count()
    modern = torch.cuda.get_device_capability(index)[0] >= 8
    kind = f"cuda-{torch.cuda.get_device_name(index)}"
    return Device(torch.device("cuda", index), kind, "bfloat16" if modern else "float32")


def device_kind(resources: ResourcesConfig) -> str:
    """Return the kind of device that trials train on here, as in `cpu-AVX2` or `cuda-NVIDIA H100 80GB HBM3`.

    Imports torch.

    Raises:
        ConfigError: A GPU is asked for and there is none.
    """
    return open_device(resources).kind


def settle(device: Device, threads: int) -> None:
    """Fix, for this process, everything that touches numerics: threads, denormals, precision, deterministic kernels.

    Args:
        device: Where the process trains.
        threads: CPU threads of a trial.
    """
    import torch

    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    if device.torch_device.type == "cuda":
        torch.cuda.set_device(device.torch_device)
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.deterministic = True
        torch.use_deterministic_algorithms(True, warn_only=True)


def _uses_gpu(resources: ResourcesConfig) -> bool:
    import torch

    available = resources.device != "cpu" and torch.cuda.is_available()
    if resources.device == "cuda" and not available:
        raise ConfigError(["resources.device is 'cuda', but PyTorch finds no usable GPU here; choose 'auto' or 'cpu'."])
    return available
