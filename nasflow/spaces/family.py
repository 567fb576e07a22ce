"""What a family of networks offers; importing it needs no torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from nasflow.config import Options
from nasflow.errors import ConfigError, PluginError, StorageError
from nasflow.plugins import load, names
from nasflow.spaces.architecture import Architecture, Form
from nasflow.spaces.choices import Choice, Choices

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class NetworkIO:
    """What goes into a network and what comes out.

    Attributes:
        channels: 1 (grey) or 3 (RGB).
        size: Height and width of an image in pixels.
        outputs: Number of logits.
    """

    channels: int
    size: int
    outputs: int


@dataclass(frozen=True)
class NetworkCost:
    """What a network costs.

    Attributes:
        parameters: Number of trainable parameters.
        flops: Multiply-accumulate operations of convolutions and linear layers for one sample; one multiply-accumulate
            counts as one, as in NAS-Bench-201 and fvcore.
    """

    parameters: int
    flops: int


@dataclass(frozen=True)
class Node:
    """A vertex of a network's drawing: `label` names the operation, `detail` its settings."""

    id: str
    label: str
    detail: str = ""


@dataclass(frozen=True)
class Graph:
    """A network as a directed acyclic graph; `edges` are pairs of node ids."""

    nodes: tuple[Node, ...]
    edges: tuple[tuple[str, str], ...]


class Family(Protocol):
    """A family of networks. Stateless: everything about a network is in its form.

    A family whose networks take images smaller than those they were built for has the attribute `any_size = True`;
    training may begin with smaller images then. See `takes_any_size`.

    A family that can tell only by running a network whether it gives logits has a method `check_outputs(form, io)`,
    which raises SpaceError where it does not; some networks are tried at each resolution that a space offers.
    """

    Options: type[Options]
    """Model of `space.options`."""

    def choices(self, options: Any, io: NetworkIO) -> tuple[Choice, ...]:
        """Return the tree of choices, each after the one it hangs on."""
        ...

    def form(self, choices: Choices, options: Any) -> Form:
        """Return the canonical form of a legal assignment, JSON-compatible.

        It is equal for networks that compute the same function with the same weights, and holds everything that
        `build` needs besides the io.
        """
        ...

    def cost(self, form: Form, io: NetworkIO) -> NetworkCost:
        """Return parameters and FLOPs, exactly those of the network that `build` makes."""
        ...

    def graph(self, form: Form) -> Graph:
        """Return the network as a drawing shows it."""
        ...

    def build(self, form: Form, io: NetworkIO) -> nn.Module:
        """Return the network: float32 (N, channels, size, size) in, logits (N, outputs) out. Imports torch."""
        ...


def load_family(name: str) -> Family:
    """Return the family that an installed package provides under a name.

    Raises:
        PluginError: No package provides it, or what it provides is no family.
    """
    provided = load("families", name)
    family = provided() if isinstance(provided, type) else provided
    missing = [part for part in ("Options", "choices", "form", "cost", "graph", "build") if not hasattr(family, part)]
    if missing:
        raise PluginError(f"family '{name}' lacks {', '.join(missing)}; see nasflow.spaces.Family.")
    result: Family = family
    return result


def takes_any_size(name: str) -> bool:
    """Return whether the networks of a family take images smaller than those they were built for.

    Raises:
        PluginError: No package provides the family.
    """
    return bool(getattr(load_family(name), "any_size", False))


def seen_by(architecture: Architecture, io: NetworkIO) -> NetworkIO:
    """Return what goes into a network once it has resized its images."""
    return io if architecture.resolution is None else replace(io, size=architecture.resolution)


def cost_of(architecture: Architecture, io: NetworkIO) -> NetworkCost:
    """Return parameters and FLOPs of an architecture for stored images of `io`.

    Raises:
        PluginError: Its family is not installed.
    """
    return load_family(architecture.family).cost(architecture.form, seen_by(architecture, io))


def known_cost(count: Callable[[], NetworkCost]) -> NetworkCost | None:
    """Return a cost, or None where the family fails at the network, as a stranger's code may; its trial tells why.

    Args:
        count: Gives the cost.

    Raises:
        PluginError: The family is not installed.
    """
    try:
        return count()
    except (PluginError, StorageError, ConfigError):  # no fault of the network's
        raise
    except Exception:  # a stranger's code may raise anything
        return None


def family_names() -> list[str]:
    """Return the names of the installed families."""
    return names("families")
