"""The networks of the family `rigged`."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from nasflow.spaces import NetworkIO

_HOARDED_BYTES = 100 * 2**20
_GREEDY_BYTES = 6 * 2**20


class RiggedNetwork(nn.Module):
    """A perceptron that misbehaves in training.

    Args:
        behaviour: What it does.
        width: Units of the hidden layer.
        step: Training step from which it does it.
        io: What goes in and out.
    """

    steps: Tensor

    def __init__(self, behaviour: str, width: int, step: int, io: NetworkIO) -> None:
        super().__init__()
        self.fault, self.at = _FAULTS.get(behaviour), step
        self.hoard: list[Tensor] = []
        self.body = nn.Sequential(
            nn.Flatten(),
            nn.Linear(io.channels * io.size**2, width),
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.Dropout(0.2),
            nn.Linear(width, io.outputs),
        )
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (N, outputs) from float (N, C, H, W), if at all."""
        logits: Tensor = self.body(x)
        if self.training:
            self.steps += 1
            if self.fault is not None and int(self.steps) >= self.at:
                logits = self.fault(self, logits)
        return logits


def _slow(network: RiggedNetwork, logits: Tensor) -> Tensor:
    time.sleep(0.05)
    return logits


def _nan(network: RiggedNetwork, logits: Tensor) -> Tensor:
    return logits * float("nan")


def _raise(network: RiggedNetwork, logits: Tensor) -> Tensor:
    raise TypeError("rigged: of the wrong type")


def _out_of_memory(network: RiggedNetwork, logits: Tensor) -> Tensor:
    return logits + torch.empty(2**60, dtype=torch.uint8)


def _hoard(network: RiggedNetwork, logits: Tensor) -> Tensor:
    network.hoard.append(torch.ones(_HOARDED_BYTES, dtype=torch.uint8))
    time.sleep(0.05)
    return logits


def _greedy(network: RiggedNetwork, logits: Tensor) -> Tensor:
    if int(network.steps) < network.at + 2:
        taken = torch.ones((len(logits), _GREEDY_BYTES), dtype=torch.uint8)
        time.sleep(0.4)  # long enough to be seen by the watch
        logits = logits + taken[0, 0] - 1
    return logits


def _hang(network: RiggedNetwork, logits: Tensor) -> Tensor:
    time.sleep(3600)
    return logits


def _kill(network: RiggedNetwork, logits: Tensor) -> Tensor:
    os.kill(os.getpid(), signal.SIGKILL)
    return logits


def _segfault(network: RiggedNetwork, logits: Tensor) -> Tensor:
    ctypes.string_at(0)
    return logits


def _exit(network: RiggedNetwork, logits: Tensor) -> Tensor:
    os._exit(7)


_FAULTS: dict[str, Callable[[RiggedNetwork, Tensor], Tensor]] = {
    "slow": _slow,
    "nan": _nan,
    "raise": _raise,
    "out_of_memory": _out_of_memory,
    "hoard": _hoard,
    "greedy": _greedy,
    "hang": _hang,
    "kill": _kill,
    "segfault": _segfault,
    "exit": _exit,
}
