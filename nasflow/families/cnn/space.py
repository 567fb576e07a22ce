"""What may vary in a convolutional network, its canonical form and its cost. Needs no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from nasflow.config import Options
from nasflow.families.cnn.cost import cost
from nasflow.families.cnn.drawing import draw
from nasflow.families.cnn.plan import passes_input
from nasflow.families.sizes import halvings, stem_stride
from nasflow.spaces import Choice, Choices, Form, Graph, NetworkCost, NetworkIO

if TYPE_CHECKING:
    from torch import nn

KINDS = ("residual", "plain", "separable", "inverted")
ACTIVATIONS = ("relu", "silu", "gelu", "tanh", "sigmoid")
POOLINGS = ("strided", "max", "average")
HEADS = ("average", "max")
_SKIPPABLE = ("plain", "separable")
_GATED = ("residual", "separable", "inverted")


def _odd(value: int) -> int:
    if value % 2 == 0:
        raise ValueError(f"a kernel has an odd size, not {value}")
    return value


Width = Annotated[int, Field(ge=1, le=4096)]
Kernel = Annotated[int, Field(ge=1, le=15), AfterValidator(_odd)]
Depth = Annotated[int, Field(ge=1, le=3)]
Expansion = Annotated[int, Field(ge=1, le=8)]


class CnnOptions(Options):
    """Options of the family `cnn`: the values that its choices offer; the first of each list is the default."""

    max_stages: int = Field(default=4, ge=1, le=5)
    """Most stages a network may have; fewer where the images are too small to be halved before each one."""

    stem_widths: tuple[Width, ...] = (16, 8, 24)
    """Channels after the first convolution."""

    widths: tuple[tuple[Width, ...], ...] = ((16, 8, 24), (32, 24, 48), (64, 48, 96), (96, 64, 128), (128, 96, 192))
    """Channels of each stage: a list for the first stage, one for the second, and so on."""

    depths: tuple[Depth, ...] = (1, 2, 3)
    """Blocks in a stage."""

    kernels: tuple[Kernel, ...] = (3, 5)
    """Kernel sizes of the spatial convolutions."""

    expansions: tuple[Expansion, ...] = (2, 4)
    """How many times wider an inverted residual block is inside."""

    @model_validator(mode="after")
    def _enough_widths(self) -> CnnOptions:
        if len(self.widths) < self.max_stages:
            raise ValueError(f"widths: needs a list for each of {self.max_stages} stages, not {len(self.widths)}")
        return self


class CnnFamily:
    """Stages of blocks, each stage at half the size of the one before it.

    Blocks are plain, depthwise-separable (MobileNet, Howard et al., 2017), inverted residual (MobileNetV2, Sandler et
    al., 2018) or residual (He et al., 2016), with squeeze-and-excitation (Hu et al., 2018) where chosen, and batch
    normalisation after every convolution.
    """

    Options = CnnOptions
    any_size = True

    def choices(self, options: CnnOptions, io: NetworkIO) -> tuple[Choice, ...]:
        """Return the tree: `stages`, `pooling`, `activation`, `head`, `stem`, and `stageN.*` where stage N exists."""
        most = min(options.max_stages, 1 + halvings(-(-io.size // stem_stride(io.size))))
        usual = min(3, most)
        counts = (usual, *(n for n in range(1, most + 1) if n != usual))
        tree = [
            Choice("stages", counts),
            *([Choice("pooling", POOLINGS, "stages", tuple(range(2, most + 1)))] if most > 1 else []),
            Choice("activation", ACTIVATIONS),
            Choice("head", HEADS),
            Choice("stem", options.stem_widths),
        ]
        for number in range(1, most + 1):
            tree += _stage_choices(number, most, options)
        return tuple(tree)

    def form(self, choices: Choices, options: CnnOptions) -> Form:
        """Return the canonical form, without settings that change nothing (a skip where no block could take one)."""
        stages: list[dict[str, Any]] = []
        pooling = choices.get("pooling")
        width = choices["stem"]
        for number in range(1, int(choices["stages"]) + 1):
            strided = number > 1 and pooling == "strided"
            stages.append(_stage_form(choices, f"stage{number}.", int(width), strided))
            width = stages[-1]["width"]
        whole = {name: choices[name] for name in ("activation", "head", "stem")}
        return {**whole, **({"pooling": pooling} if pooling else {}), "stages": stages}

    def cost(self, form: Form, io: NetworkIO) -> NetworkCost:
        """Return parameters and FLOPs of the built network."""
        return cost(form, io)

    def graph(self, form: Form) -> Graph:
        """Return a drawing with one vertex a block, a pooling and an addition."""
        return draw(form)

    def build(self, form: Form, io: NetworkIO) -> nn.Module:
        """Return the network, newly initialised: float32 (N, channels, size, size) to logits (N, outputs)."""
        from nasflow.families.cnn.model import build

        return build(form, io)


def _stage_choices(number: int, most: int, options: CnnOptions) -> list[Choice]:
    stage = f"stage{number}."
    parent = ("stages", tuple(range(number, most + 1))) if number > 1 else (None, ())
    return [
        Choice(stage + "kind", KINDS, *parent),
        Choice(stage + "depth", options.depths, *parent),
        Choice(stage + "width", options.widths[number - 1], *parent),
        Choice(stage + "kernel", options.kernels, *parent),
        Choice(stage + "expansion", options.expansions, stage + "kind", ("inverted",)),
        Choice(stage + "squeeze_excite", (False, True), stage + "kind", _GATED),
        Choice(stage + "skip", (True, False), stage + "kind", _SKIPPABLE),
    ]


def _stage_form(choices: Choices, stage: str, fan_in: int, strided: bool) -> dict[str, Any]:
    made = {name: choices[stage + name] for name in ("kind", "depth", "width", "kernel")}
    if made["kind"] == "inverted":
        made["expansion"] = choices[stage + "expansion"]
    if choices.get(stage + "squeeze_excite"):
        made["squeeze_excite"] = True
    skips = int(made["depth"]) > 1 or passes_input(fan_in, int(made["width"]), strided)
    if choices.get(stage + "skip") and skips:
        made["skip"] = True
    return made
