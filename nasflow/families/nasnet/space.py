"""What may vary in a network of normal and reduction cells, its canonical form and its cost. Needs no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field, field_validator

from nasflow.config import Options
from nasflow.families.nasnet.contraction import INPUTS, OPERATIONS, Cell, Concat, Pair
from nasflow.families.nasnet.cost import cost
from nasflow.families.nasnet.drawing import draw
from nasflow.families.nasnet.layout import layout
from nasflow.families.sizes import halvings, stem_stride
from nasflow.plugins import nearest
from nasflow.spaces import Choice, Choices, Form, Graph, NetworkCost, NetworkIO

if TYPE_CHECKING:
    from torch import nn

Width = Annotated[int, Field(ge=1, le=1024)]
Stacks = Annotated[int, Field(ge=1, le=20)]
Reductions = Annotated[int, Field(ge=0, le=5)]

_NEWEST_INPUTS = ("last", "before_last")
_SOURCES = {"before_last": 0, "last": 1}


class NasnetOptions(Options):
    """Options of the family `nasnet`. The first value of a list is the default of its choice."""

    nodes: int = Field(default=4, ge=2, le=7)
    """Nodes in a cell. NASNet has 5, DARTS 4."""

    operations: tuple[str, ...] = OPERATIONS
    """Operations to choose from."""

    width: Width | tuple[Width, ...] = 8
    """Channels of each operation before the first reduction, which doubles them; several make it a choice."""

    stacks: Stacks | tuple[Stacks, ...] = 1
    """Normal cells before, between and after reduction cells; several make it a choice. NASNet has 4 to 6."""

    reductions: Reductions | tuple[Reductions, ...] = 2
    """Reduction cells; several make it a choice. Fewer where the images are too small."""

    separable_repeats: int = Field(default=1, ge=1, le=3)
    """How often a separable convolution is applied in a row: twice in both papers, once for speed."""

    share: bool = False
    """Whether the reduction cell is the normal one with a stride."""

    concat: Concat = "loose"
    """What goes out of a cell: the nodes that no other node reads (NASNet), or all (DARTS)."""

    @field_validator("operations")
    @classmethod
    def _known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for op in value:
            if op not in OPERATIONS:
                raise ValueError(f"'{op}' is none of {', '.join(OPERATIONS)}.{nearest(op, OPERATIONS)}")
        return value

    @field_validator("operations", "width", "stacks", "reductions")
    @classmethod
    def _different(cls, value: int | tuple[object, ...]) -> int | tuple[object, ...]:
        if isinstance(value, tuple) and (not value or len(set(value)) < len(value)):
            raise ValueError(f"needs one value or several different ones, not {list(value)}")
        return value


class NasnetFamily:
    """Two cells, a normal one and a reduction one, stacked (Zoph et al., 2018; Liu et al., 2019).

    A cell reads the outputs of the two cells before it. Each of its nodes is the sum of two operations, each on an
    input of the cell or an earlier node. A reduction cell applies those on its inputs with stride 2.
    """

    Options = NasnetOptions
    any_size = True

    def choices(self, options: NasnetOptions, io: NetworkIO) -> tuple[Choice, ...]:
        """Return `width`, `stacks`, `reductions`, then `input1`, `op1`, `input2` and `op2` for each node of each cell.

        They are named `normal.node1.input1` and so on; `reduction.*` hangs on `reductions`, and is absent where the
        cells are shared or the images too small for a reduction.
        """
        most = halvings(-(-io.size // stem_stride(io.size)))
        reductions = tuple(dict.fromkeys(min(count, most) for count in _several(options.reductions)))
        some = tuple(count for count in reductions if count)
        tree = [
            Choice("width", _several(options.width)),
            Choice("stacks", _several(options.stacks)),
            Choice("reductions", reductions),
            *_cell_choices("normal", options),
        ]
        if some and not options.share:
            tree += _cell_choices("reduction", options, "reductions", some)
        return tuple(tree)

    def form(self, choices: Choices, options: NasnetOptions) -> Form:
        """Return width, repeats and the live cells as `layout` has them.

        Networks have one form exactly when their live operations are connected and shared in the same way; poolings of
        the same value are the same. That the average of a sum is the sum of averages is not used.
        """
        reductions = int(choices["reductions"])
        normal = _cell("normal", 1, choices, options)
        reduction = _cell("normal" if options.share or not reductions else "reduction", 2, choices, options)
        whole = {"width": choices["width"], "separable_repeats": options.separable_repeats}
        return {**whole, **layout(normal, reduction, int(choices["stacks"]), reductions)}

    def cost(self, form: Form, io: NetworkIO) -> NetworkCost:
        """Return parameters and FLOPs of the built network."""
        return cost(form, io)

    def graph(self, form: Form) -> Graph:
        """Return a drawing of each cell once, between stem and logits."""
        return draw(form)

    def build(self, form: Form, io: NetworkIO) -> nn.Module:
        """Return the network, newly initialised: float32 (N, channels, size, size) to logits (N, outputs)."""
        from nasflow.families.nasnet.model import build

        return build(form, io)


def _several(value: int | tuple[int, ...]) -> tuple[int, ...]:
    return (value,) if isinstance(value, int) else value


def _cell_choices(
    cell: str, options: NasnetOptions, parent: str | None = None, when: tuple[int, ...] = ()
) -> list[Choice]:
    tree: list[Choice] = []
    for node in range(1, options.nodes + 1):
        earlier = tuple(f"node{number}" for number in range(1, node))
        # The default of a node reads both inputs, so that no cell of the default network is left out.
        for pair, newest in ((1, _NEWEST_INPUTS), (2, _NEWEST_INPUTS[::-1])):
            name = f"{cell}.node{node}."
            tree.append(Choice(f"{name}input{pair}", newest + earlier, parent, when))
            tree.append(Choice(f"{name}op{pair}", options.operations, parent, when))
    return tree


def _cell(name: str, stride: int, choices: Choices, options: NasnetOptions) -> Cell:
    nodes = []
    for node in range(1, options.nodes + 1):
        first, second = (_pair(f"{name}.node{node}.", pair, choices) for pair in (1, 2))
        nodes.append((first, second))
    return Cell(tuple(nodes), stride, options.concat)


def _pair(node: str, pair: int, choices: Choices) -> Pair:
    source = str(choices[f"{node}input{pair}"])
    number = _SOURCES[source] if source in _SOURCES else INPUTS - 1 + int(source.removeprefix("node"))
    return number, str(choices[f"{node}op{pair}"])
