"""A family whose networks misbehave on purpose, for tests of what a search makes of failures.

Install it for a test with `installed(folder, RIGGED)` from `nasflow.testing.plugins`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from nasflow.config import Options
from nasflow.plugins import Group
from nasflow.spaces import Architecture, Choice, Choices, Form, Graph, NetworkCost, NetworkIO, Node

if TYPE_CHECKING:
    from torch import nn

RIGGED: dict[Group, dict[str, str]] = {"families": {"rigged": "nasflow.testing.rigged:RiggedFamily"}}
"""Entry points for `nasflow.testing.plugins.installed`."""

BEHAVIOURS = {
    "good": "a small perceptron that learns",
    "slow": "learns, but waits 50 ms in each training step",
    "nan": "returns NaN",
    "raise": "raises a TypeError",
    "unbuilt": "raises a ValueError while it is built",
    "out_of_memory": "asks for more memory than there is at once",
    "hoard": "takes 100 MB more in each step",
    "greedy": "takes 6 MiB for each sample of a batch, in two steps",
    "hang": "sleeps for an hour",
    "kill": "kills its own process, as the system does when memory runs out",
    "segfault": "reads from address 0",
    "exit": "leaves its process with exit code 7",
}
"""What each value of the choice `behaviour` does."""


class RiggedOptions(Options):
    """Options of the family `rigged`."""

    behaviours: list[str] = list(BEHAVIOURS)
    """Values of the choice `behaviour`."""

    widths: list[int] = [8, 16, 24, 32]
    """Values of the choice `width`: units of the hidden layer."""

    step: int = Field(default=1, ge=1)
    """Training step, from 1 and counted over epochs, from which a network misbehaves; checkpoints carry the count."""


class RiggedFamily:
    """Perceptrons with one hidden layer, batch normalisation, dropout, and a fault."""

    Options = RiggedOptions

    def choices(self, options: RiggedOptions, io: NetworkIO) -> tuple[Choice, ...]:
        """Return the choices `behaviour` and `width`."""
        return (Choice("behaviour", tuple(options.behaviours)), Choice("width", tuple(options.widths)))

    def form(self, choices: Choices, options: RiggedOptions) -> Form:
        """Return the choices, with the step of the fault."""
        return {**choices, "step": options.step}

    def cost(self, form: Form, io: NetworkIO) -> NetworkCost:
        """Return what the network costs."""
        inputs, width = io.channels * io.size**2, int(form["width"])
        flops = width * (inputs + io.outputs)
        return NetworkCost(flops + 3 * width + io.outputs, flops)

    def graph(self, form: Form) -> Graph:
        """Return a single vertex."""
        return Graph((Node("all", "rigged", f"{form['behaviour']}, {form['width']}"),), ())

    def build(self, form: Form, io: NetworkIO) -> nn.Module:
        """Return the network.

        Raises:
            ValueError: It is rigged to fail here.
        """
        from nasflow.testing.rigged_model import RiggedNetwork

        if form["behaviour"] == "unbuilt":
            raise ValueError("rigged: cannot be built")
        return RiggedNetwork(form["behaviour"], int(form["width"]), form["step"], io)


def rigged(behaviour: str, width: int = 8, step: int = 1) -> Architecture:
    """Return a rigged architecture.

    Args:
        behaviour: One of `BEHAVIOURS`.
        width: Units of the hidden layer.
        step: Training step from which it misbehaves.
    """
    choices: dict[str, str | int] = {"behaviour": behaviour, "width": width}
    return Architecture("rigged", choices, {**choices, "step": step})
