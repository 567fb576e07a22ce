"""What may vary in a list of layers, its canonical form, cost and drawing. Needs no torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, field_validator, model_validator

from nasflow.config import Options
from nasflow.families.layered.drawing import draw
from nasflow.families.layered.grammar import Layer, check_sequence, copies, named, parsed
from nasflow.families.layered.plan import plan
from nasflow.families.layered.settings import LAYERS, checked_values
from nasflow.families.sizes import Tally
from nasflow.spaces import Choice, Choices, Form, Graph, NetworkCost, NetworkIO, Scalar

if TYPE_CHECKING:
    from torch import nn

Hangs = tuple[str | None, tuple[Scalar, ...]]
"""Name of a parent and its values under which something exists."""


class LayersOptions(Options):
    """Options of the family `layers`: the network itself, layer by layer."""

    layers: tuple[Annotated[dict[str, Any], BeforeValidator(parsed)], ...]
    """The layers in order. A list of values in place of one is a choice, and so are `repeat` and `choose`."""

    activation: tuple[str, ...] = ("relu",)
    """Activation of the layers that set none of their own; several are a choice."""

    @field_validator("activation", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        try:
            return checked_values("linear", "activation", value)
        except ValueError as error:
            raise ValueError(str(error).removeprefix("linear.activation ")) from None

    @model_validator(mode="after")
    def _layers_follow(self) -> LayersOptions:
        try:
            check_sequence(self.layers)
        except ValueError as error:
            raise ValueError(f"layers {error}" if str(error).startswith("needs") else f"layers: {error}") from None
        return self


class LayersFamily:
    """Networks written down in YAML: convolutions, pooling, dropout and linear layers, and choices among them.

    Batch normalisation follows every convolution; maps are averaged before the first linear layer.
    """

    Options = LayersOptions
    any_size = True

    def choices(self, options: LayersOptions, io: NetworkIO) -> tuple[Choice, ...]:
        """Return a choice for each setting with several values, each `repeat` and each `choose`."""
        whole = [Choice("activation", options.activation)] if len(options.activation) > 1 else []
        return (*whole, *_offered(options.layers, "", (None, ())))

    def form(self, choices: Choices, options: LayersOptions) -> Form:
        """Return the layers in order, without what changes nothing (a shortcut that does not fit, dropout of 0)."""
        activation = choices.get("activation", options.activation[0])
        return {"layers": _canonical(_chosen(options.layers, "", choices), activation)}

    def cost(self, form: Form, io: NetworkIO) -> NetworkCost:
        """Return parameters and FLOPs of the built network."""
        tally, width = Tally(), io.channels
        for layer in plan(form, io):
            width = layer.width
            if layer.kind == "conv":
                tally.conv_norm(layer.fan_in, width, layer.kernel, layer.size)
            elif layer.kind == "separable":
                tally.conv_norm(layer.fan_in, layer.fan_in, layer.kernel, layer.size, groups=layer.fan_in)
                tally.conv_norm(layer.fan_in, width, 1, layer.size)
            elif layer.kind == "linear":
                tally.linear(layer.fan_in, width)
        tally.linear(width, io.outputs)
        return tally.cost()

    def graph(self, form: Form) -> Graph:
        """Return a drawing with one vertex a layer and an addition."""
        return draw(form)

    def build(self, form: Form, io: NetworkIO) -> nn.Module:
        """Return the network, newly initialised: float32 (N, channels, size, size) to logits (N, outputs)."""
        from nasflow.families.layered.model import build

        return build(form, io)


def _offered(layers: Sequence[Layer], prefix: str, hangs: Hangs) -> Iterator[Choice]:
    for name, layer in named(layers, prefix):
        if "repeat" in layer:
            yield from _repeats(name, layer, hangs)
        elif "choose" in layer:
            several = len(layer["choose"]) > 1
            if several:
                yield Choice(f"{name}.choose", tuple(layer["choose"]), *hangs)
            for branch, part in layer["choose"].items():
                yield from _offered(part, f"{name}.{branch}.", (f"{name}.choose", (branch,)) if several else hangs)
        else:
            kind = next(key for key in layer if key in LAYERS)
            for setting, values in layer[kind].items():
                if len(values) > 1:
                    yield Choice(f"{name}.{setting}", tuple(values), *hangs)


def _repeats(name: str, layer: Layer, hangs: Hangs) -> Iterator[Choice]:
    counts = layer["repeat"]
    if len(counts) > 1:
        yield Choice(f"{name}.repeat", tuple(counts), *hangs)
    for number, prefix in enumerate(copies(name, layer), 1):
        when = tuple(count for count in counts if count >= number)
        if number == 1 or layer["vary"]:
            yield from _offered(
                layer["layers"], prefix, hangs if len(when) == len(counts) else (f"{name}.repeat", when)
            )


def _chosen(layers: Sequence[Layer], prefix: str, choices: Choices) -> Iterator[dict[str, Any]]:
    """Yield the layers of an assignment, each with its settings."""
    for name, layer in named(layers, prefix):
        if "repeat" in layer:
            count = int(choices.get(f"{name}.repeat", layer["repeat"][0]))
            for copy in copies(name, layer)[:count]:
                yield from _chosen(layer["layers"], copy, choices)
        elif "choose" in layer:
            branch = str(choices.get(f"{name}.choose", next(iter(layer["choose"]))))
            yield from _chosen(layer["choose"][branch], f"{name}.{branch}.", choices)
        else:
            kind = next(key for key in layer if key in LAYERS)
            settings = {key: choices.get(f"{name}.{key}", values[0]) for key, values in layer[kind].items()}
            yield {"layer": kind, **settings}


def _canonical(layers: Iterator[dict[str, Any]], activation: Scalar) -> list[dict[str, Any]]:
    pool = {"layer": "global_pool", "kind": "average"}
    found: list[dict[str, Any]] = []
    width, flat = None, False
    for layer in layers:
        kind = layer["layer"]
        if kind == "dropout" and not layer["share"]:
            continue
        if kind == "linear" and not flat:
            found.append(dict(pool))
        flat = flat or kind in ("linear", "global_pool")
        if kind in ("conv", "separable"):
            fits = layer["width"] == width and layer["stride"] == 1
            if layer.pop("residual") and fits:
                layer["residual"] = True
        if kind in ("conv", "separable", "linear"):
            layer.setdefault("activation", activation)
            width = layer["width"]
        found.append(layer)
    return found if flat else [*found, pool]
