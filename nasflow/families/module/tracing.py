"""Constructing a stranger's network without memory, running one image through it, and what goes wrong in between."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from nasflow.errors import NasflowError, SpaceError
from nasflow.families.module.choosing import Question, answering, refusing
from nasflow.spaces import Choices, NetworkIO

Construct = Callable[[NetworkIO], Any]
"""A class or function of the io that gives the network."""

T = TypeVar("T")

_SHOWN = 8


def asked(construct: Construct, io: NetworkIO, wanted: Choices) -> dict[str, Question]:
    """Return what a constructor asks for when it is told some values.

    Raises:
        SpaceError: It fails, or gives no module.
    """
    return _anywhere(lambda: _constructed(construct, io, wanted, strict=False)[1], construct, io, wanted)


def visited(construct: Construct, io: NetworkIO, wanted: Choices, use: Callable[[nn.Module, Tensor], T]) -> T:
    """Construct a network without giving it weights, and do something with it, in evaluation and without gradients.

    Where torch's meta device, which computes shapes only, does not do for the network's code, the processor does.

    Args:
        construct: What gives the network.
        io: What goes in and out.
        wanted: The value of every choice it makes.
        use: Gets the network and one image, float32 (1, channels, size, size).

    Raises:
        SpaceError: The network cannot be constructed or run.
    """

    def visit() -> T:
        network, _ = _constructed(construct, io, wanted, strict=True)
        with torch.no_grad(), refusing():
            network.eval()
            return use(network, _images(io, 1))

    return _anywhere(visit, construct, io, wanted)


def check_outputs(construct: Construct, io: NetworkIO, wanted: Choices) -> None:
    """Run two images through a network and refuse it unless it gives logits for each.

    Raises:
        SpaceError: It cannot be constructed or run, or gives anything else than float32 (2, outputs).
    """

    def check(network: nn.Module, image: Tensor) -> None:
        logits = network(torch.cat([image, image]))
        expected = (2, io.outputs)
        if isinstance(logits, Tensor) and tuple(logits.shape) == expected and logits.dtype == torch.float32:
            return
        given = f"{_dtype(logits)} {tuple(logits.shape)}" if isinstance(logits, Tensor) else f"a {_kind(logits)}"
        raise SpaceError(
            f"the network gives {given} for images of shape {(2, io.channels, io.size, io.size)}, not float32 "
            f"{expected}: logits, one for each of `io.outputs` classes{_with(wanted)}."
        )

    visited(construct, io, wanted, check)


def built(construct: Construct, io: NetworkIO, wanted: Choices) -> nn.Module:
    """Return a network with its weights.

    Raises:
        SpaceError: The constructor asks for a choice that has no value, or gives no module.
    """
    with answering(wanted, strict=True):
        network = _module(construct(io))
    if any(is_lazy(parameter) for parameter in network.parameters()):
        with torch.no_grad(), refusing():
            network.eval()(_images(io, 1))
        network.train()
    return network


def trainable(network: nn.Module) -> int:
    """Return the number of trainable parameters."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)


def _constructed(
    construct: Construct, io: NetworkIO, wanted: Choices, *, strict: bool
) -> tuple[nn.Module, dict[str, Question]]:
    with answering(wanted, strict=strict) as answers:
        return _module(construct(io)), answers.asked


def _module(made: object) -> nn.Module:
    if not isinstance(made, nn.Module):
        raise SpaceError(f"a family's constructor must give a torch.nn.Module, not a {_kind(made)}.")
    return made


def _images(io: NetworkIO, count: int) -> Tensor:
    return torch.zeros((count, io.channels, io.size, io.size), dtype=torch.float32)


def _anywhere(attempt: Callable[[], T], construct: Construct, io: NetworkIO, wanted: Choices) -> T:
    """Try on the meta device, then on the processor; random numbers drawn on the way are given back."""
    with torch.random.fork_rng(devices=[]):
        try:
            with torch.device("meta"):
                return attempt()
        except NasflowError:
            raise
        except Exception:  # a stranger's code; it may only want values, which the meta device has not
            pass
        with _told(construct, io, wanted), torch.device("cpu"):
            return attempt()


@contextmanager
def _told(construct: Construct, io: NetworkIO, wanted: Choices) -> Iterator[None]:
    try:
        yield
    except NasflowError:
        raise
    except Exception as error:  # a stranger's code may raise anything
        text = " ".join(str(error).split())
        message = f"{type(error).__name__}: {text[:300]}" if text else type(error).__name__
        images = f"{io.size}×{io.size} pixels and {io.channels} channel{'s' if io.channels > 1 else ''}"
        raise SpaceError(
            f"the network fails for images of {images}{_with(wanted)}: {message.removesuffix('.')}"
            f"{_place(error, construct)}."
        ) from error


def _with(wanted: Choices) -> str:
    if not wanted:
        return ""
    shown = [f"{name}={value}" for name, value in wanted.items()]
    return f" with {', '.join([*shown[:_SHOWN], *(['…'] if len(shown) > _SHOWN else [])])}"


def _place(error: Exception, construct: Construct) -> str:
    """Return file and line of the deepest frame in the file of the constructor, else outside torch and nasflow."""
    frames = traceback.extract_tb(error.__traceback__)
    home = getattr(getattr(construct, "__init__", construct), "__code__", getattr(construct, "__code__", None))
    own = [frame for frame in frames if home is not None and frame.filename == home.co_filename]
    own = own or [frame for frame in frames if not {"torch", "nasflow"} & set(Path(frame.filename).parts)]
    return f" ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else ""


def _dtype(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _kind(value: object) -> str:
    return type(value).__name__
