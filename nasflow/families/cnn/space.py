"""What may vary in a convolutional network, its canonical form and its cost. Needs no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from nasflow.config import Options
from nasflow.families.cnn.cost import cost
from nasflow.families.cnn.drawing import draw
from nasflow.families.cnn.plan import passes_input
from nasflow.families.cnn.scaling import scaled
from nasflow.families.sizes import halvings, stem_stride
from nasflow.spaces import Choice, Choices, Form, Graph, NetworkCost, NetworkIO

if TYPE_CHECKING:
    from torch import nn

Kind = Literal["residual", "plain", "separable", "inverted", "bottleneck", "inception", "mixer"]
ACTIVATIONS = ("relu", "silu", "gelu", "tanh", "sigmoid")
POOLINGS = ("strided", "max", "average")
HEADS = ("average", "max")
_EXPANDED = ("inverted", "mixer")
_REDUCED = ("bottleneck",)
_GATED = ("residual", "separable", "inverted", "bottleneck")
_SKIPPABLE = ("plain", "separable", "inception")


def _odd(value: int) -> int:
    if value % 2 == 0:
        raise ValueError(f"a kernel has an odd size, not {value}")
    return value


Width = Annotated[int, Field(ge=1, le=4096)]
Kernel = Annotated[int, Field(ge=1, le=15), AfterValidator(_odd)]
Depth = Annotated[int, Field(ge=1, le=3)]
Factor = Annotated[int, Field(ge=1, le=8)]
Scale = Annotated[float, Field(ge=0, le=7)]


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

    expansions: tuple[Factor, ...] = (2, 4)
    """How many times wider an inverted residual block or a mixer is inside."""

    reductions: tuple[Factor, ...] = (2, 4)
    """How many times narrower a bottleneck is inside."""

    kinds: tuple[Kind, ...] = ("residual", "plain", "separable", "inverted")
    """Kinds of block that a stage may have; beside these there are `bottleneck`, `inception` and `mixer`."""

    scales: tuple[Scale, ...] = (0,)
    """Compound scaling: each step makes a network 1.2 times deeper, 1.1 times wider and its images 1.15 times larger.
    The largest scale works at the full size of the images, the others below it."""

    @model_validator(mode="after")
    def _enough_widths(self) -> CnnOptions:
        if len(self.widths) < self.max_stages:
            raise ValueError(f"widths: needs a list for each of {self.max_stages} stages, not {len(self.widths)}")
        return self


class CnnFamily:
    """Stages of blocks, each stage at half the size of the one before it.

    Blocks are plain, depthwise-separable (MobileNet, Howard et al., 2017), inverted residual (MobileNetV2, Sandler et
    al., 2018), residual or bottleneck (He et al., 2016), inception (Szegedy et al., 2015) or mixers of depthwise and
    pointwise convolutions (ConvNeXt, Liu et al., 2022), with squeeze-and-excitation (Hu et al., 2018) where chosen.
    Stem, depth, width and resolution may be scaled together (EfficientNet, Tan & Le, 2019).
    """

    Options = CnnOptions
    any_size = True

    def choices(self, options: CnnOptions, io: NetworkIO) -> tuple[Choice, ...]:
        """Return the tree: `stages`, `pooling`, `activation`, `head`, `stem`, and `stageN.*` where stage N exists.

        Where `options.scales` has several values, `scale` comes after `stem`.
        """
        most = min(options.max_stages, 1 + halvings(-(-io.size // stem_stride(io.size))))
        usual = min(3, most)
        counts = (usual, *(n for n in range(1, most + 1) if n != usual))
        tree = [
            Choice("stages", counts),
            *([Choice("pooling", POOLINGS, "stages", tuple(range(2, most + 1)))] if most > 1 else []),
            Choice("activation", ACTIVATIONS),
            Choice("head", HEADS),
            Choice("stem", options.stem_widths),
            *([Choice("scale", options.scales)] if len(options.scales) > 1 else []),
        ]
        for number in range(1, most + 1):
            tree += _stage_choices(number, most, options)
        return tuple(tree)

    def form(self, choices: Choices, options: CnnOptions) -> Form:
        """Return the canonical form, without settings that change nothing (a skip where no block could take one).

        It holds the widths and depths after scaling, and as `steps_down` how far below the largest scale this one is,
        where it is below.
        """
        scale = float(choices.get("scale", options.scales[0]))
        steps_down = max(options.scales) - scale
        stem, bare = scaled(choices, scale)
        stages: list[dict[str, Any]] = []
        pooling = choices.get("pooling")
        width = stem
        for number, (depth, wide) in enumerate(bare, 1):
            strided = number > 1 and pooling == "strided"
            shape = {"kind": choices[f"stage{number}.kind"], "depth": depth, "width": wide}
            stages.append(_stage_form(choices, f"stage{number}.", shape, passes_input(width, wide, strided)))
            width = wide
        whole = {"activation": choices["activation"], "head": choices["head"], "stem": stem}
        whole |= {"pooling": pooling} if pooling else {}
        whole |= {"steps_down": round(steps_down, 6)} if steps_down else {}
        return {**whole, "stages": stages}

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
    by_kind: tuple[tuple[str, tuple[Any, ...], tuple[str, ...]], ...] = (
        ("expansion", options.expansions, _EXPANDED),
        ("reduction", options.reductions, _REDUCED),
        ("squeeze_excite", (False, True), _GATED),
        ("skip", (True, False), _SKIPPABLE),
    )
    return [
        Choice(stage + "kind", options.kinds, *parent),
        Choice(stage + "depth", options.depths, *parent),
        Choice(stage + "width", options.widths[number - 1], *parent),
        Choice(stage + "kernel", options.kernels, *parent),
        *(
            Choice(stage + name, values, stage + "kind", tuple(kind for kind in kinds if kind in options.kinds))
            for name, values, kinds in by_kind
            if set(kinds) & set(options.kinds)
        ),
    ]


def _stage_form(choices: Choices, stage: str, shape: dict[str, Any], passes: bool) -> dict[str, Any]:
    kind, width = shape["kind"], shape["width"]
    made = {**shape, "kernel": choices[stage + "kernel"]}
    if kind in _EXPANDED:
        made["expansion"] = choices[stage + "expansion"]
    if kind in _REDUCED:
        made["inner"] = max(1, width // int(choices[stage + "reduction"]))
    if kind == "inception" and width == 1:
        made["kernel"] = 1  # a single branch, which has no other
    if choices.get(stage + "squeeze_excite"):
        made["squeeze_excite"] = True
    if choices.get(stage + "skip") and (shape["depth"] > 1 or passes):
        made["skip"] = True
    return made
