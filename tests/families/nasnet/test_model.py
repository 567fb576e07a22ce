from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import permutations, product

import pytest
import torch
from torch import Tensor, nn

from nasflow.families.nasnet.contraction import FACTORISED, NONE, OPERATIONS, POOLS, SKIP, Cell, Concat, Pair, contract
from nasflow.families.nasnet.model import Nothing, StackedCell, build
from nasflow.families.nasnet.operations import operation
from nasflow.families.nasnet.plan import CellPlan, InputPlan
from nasflow.families.nasnet.space import NasnetFamily, NasnetOptions
from nasflow.families.sums import total
from nasflow.spaces import NetworkIO, SearchSpace

WIDTH, SIZE = 4, 10  # large enough, when halved, for kernels of every operation
WEIGHTED = tuple(op for op in (*OPERATIONS, FACTORISED) if op not in (*POOLS, SKIP, NONE))


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Maps this small are computed faster in one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def random_cell(rng: random.Random) -> Cell:
    operations = (*rng.sample(OPERATIONS, 3), SKIP, "max_pool_3x3")

    def pair(node: int) -> Pair:
        return rng.randrange(2 + node), rng.choice(operations)

    concat: Concat = rng.choice(("loose", "all"))
    return Cell(tuple((pair(node), pair(node)) for node in range(3)), rng.choice((1, 2)), concat)


class DirectCell:
    """A cell as it is chosen, node by node and edge by edge, with nothing contracted."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.edges: dict[tuple[int, int], tuple[str, nn.Module]] = {}
        for node, pairs in enumerate(cell.nodes):
            for k, (source, op) in enumerate(pairs):
                stride = cell.stride if source < 2 else 1
                name = FACTORISED if op == SKIP and stride == 2 else op
                if name not in (SKIP, NONE):
                    size = SIZE // 2 if cell.stride == 2 and source >= 2 else SIZE
                    self.edges[node, k] = name, operation(name, WIDTH, size, stride, 2)

    def __call__(self, inputs: list[Tensor]) -> list[Tensor]:
        """The values that go out; those that are always zero are left out."""
        values: list[Tensor | None] = list(inputs)
        read: set[int] = set()
        for node, pairs in enumerate(self.cell.nodes):
            terms = []
            for k, (source, op) in enumerate(pairs):
                value = values[source]
                if op == NONE or value is None:
                    continue
                read.add(source)
                name, made = self.edges.get((node, k), (SKIP, nn.Identity()))
                terms.append(made(torch.relu(value)) if name in WEIGHTED else made(value))
            values.append(torch.stack(terms).sum(0) if terms else None)
        kept = range(2, len(values))
        out = [values[k] for k in kept if self.cell.concat == "all" or k not in read]
        return [value for value in out if value is not None]

    def by_name(self) -> Mapping[str, list[nn.Module]]:
        found = defaultdict(list)
        for name, made in self.edges.values():
            if name in WEIGHTED:
                found[name].append(made)
        return found


def contracted(cell: Cell) -> tuple[StackedCell, tuple[int, ...]]:
    made = contract(cell)
    inputs = tuple(InputPlan(0, WIDTH, False) for _ in made.inputs)
    operations = tuple({"op": op, "reads": list(reads)} for op, reads in made.dag.operations)
    size = SIZE // cell.stride
    built = StackedCell(CellPlan(operations, made.dag.outputs, cell.stride, inputs, WIDTH, SIZE, size), 2)
    built.inputs = nn.ModuleList(nn.Identity() for _ in inputs)
    return built, made.inputs


def same_blocks(first: list[Tensor], second: list[Tensor]) -> bool:
    """Whether both lists have the same maps, in whatever order."""
    left = list(second)
    for block in first:
        match = [k for k, other in enumerate(left) if torch.allclose(block, other, rtol=1e-3, atol=1e-4)]
        if not match:
            return False
        left.pop(match[0])
    return not left


def agrees(cell: Cell, inputs: list[Tensor]) -> bool:
    """Whether the contracted cell, with the weights of the direct one in some order, computes the same."""
    built, used = contracted(cell)
    direct = DirectCell(cell)
    expected = direct(inputs)
    if not expected:
        return not built.output
    slots = defaultdict(list)
    for (op, _), made in zip(contract(cell).dag.operations, built.operations, strict=True):
        if op in WEIGHTED:
            slots[op].append(made)
    owners = direct.by_name()
    choices = [list(permutations(owners[name], len(slots[name]))) for name in slots]
    for chosen in product(*choices):
        for name, modules in zip(slots, chosen, strict=True):
            for slot, module in zip(slots[name], modules, strict=True):
                slot.load_state_dict(module.state_dict())
        made = built([inputs[k] for k in used]).split(WIDTH, 1)
        if same_blocks(list(made), expected):
            return True
    return False


@pytest.mark.parametrize("seed", range(3))
def test_a_form_computes_what_the_cell_does(seed: int) -> None:
    """With weights copied operation by operation."""
    torch.manual_seed(seed)
    rng = random.Random(seed)
    inputs = [torch.randn(2, WIDTH, SIZE, SIZE) for _ in range(2)]
    for _ in range(40):
        cell = random_cell(rng)
        assert agrees(cell, inputs), cell


def test_the_comparison_bites() -> None:
    """A direct cell that reads another input is told from the form, whatever the order of the weights."""
    torch.manual_seed(0)
    first, second = (torch.randn(2, WIDTH, SIZE, SIZE) for _ in range(2))
    cell = Cell((((0, "conv_3x3"), (1, "conv_3x3")), ((0, "max_pool_3x3"), (2, "conv_1x1"))))
    assert agrees(cell, [first, second])
    built, _ = contracted(cell)
    for slot, (_, module) in zip(built.operations, DirectCell(cell).edges.values(), strict=False):
        slot.load_state_dict(module.state_dict(), strict=False)
    assert not same_blocks(list(built([first, second]).split(WIDTH, 1)), DirectCell(cell.mirrored())([first, second]))


def test_values_are_summed_and_rectified_once(monkeypatch: pytest.MonkeyPatch) -> None:
    shared = Cell((((0, "conv_1x1"), (1, SKIP)), ((2, "conv_3x3"), (2, "conv_1x1")), ((2, "dil_conv_3x3"), (0, SKIP))))
    made = contracted(shared)[0]
    added, rectified = [], []

    def counting_total(terms: list[Tensor], counts: Mapping[int, int]) -> Tensor:
        added.append(tuple(counts))
        return total(terms, counts)

    def counting_relu(x: Tensor) -> Tensor:
        rectified.append(x)
        return x.clamp(min=0)

    monkeypatch.setattr("nasflow.families.nasnet.model.total", counting_total)
    monkeypatch.setattr("nasflow.families.nasnet.model.torch.relu", counting_relu)
    made([torch.randn(1, WIDTH, SIZE, SIZE) for _ in range(2)])
    assert len(rectified) == 2
    assert len(added) == len(set(added)) == 4


def test_a_cell_does_not_write_to_its_inputs() -> None:
    sources = [-torch.ones(2, WIDTH, SIZE, SIZE) for _ in range(2)]
    contracted(Cell((((0, SKIP), (1, "conv_3x3")), ((0, SKIP), (0, SKIP)))))[0](sources)
    assert all(torch.equal(source, -torch.ones_like(source)) for source in sources)


def test_a_dead_network_answers_the_same_to_all_images() -> None:
    space = SearchSpace.of("nasnet", NetworkIO(3, 8, 5), {"operations": ["none"]})
    network = space.provider.build(space.at(0).form, space.io)
    first, second = network(torch.randn(2, 3, 8, 8))
    assert torch.equal(first, second)
    assert Nothing(7)(torch.randn(3, 1, 8, 8)).shape == (3, 7)


@pytest.mark.parametrize("size", [8, 13, 33])
def test_maps_shrink_stage_by_stage(size: int) -> None:
    family, options, io = NasnetFamily(), NasnetOptions(stacks=2, nodes=2), NetworkIO(3, size, 5)
    space = SearchSpace.of("nasnet", io, options.model_dump())
    network = build(family.form(space.at(0).choices, options), io)
    shapes: list[tuple[int, int]] = []
    for cell in network.cells.cells:  # type: ignore[union-attr]
        cell.register_forward_hook(lambda module, inputs, output: shapes.append((output.shape[1], output.shape[2])))
    network(torch.randn(2, 3, size, size))
    half, quarter = -(-size // 2), -(-size // 4)
    widths = [16, 16, 32, 32, 32, 64, 64, 64]
    assert shapes == list(zip(widths, [size] * 2 + [half] * 3 + [quarter] * 3, strict=True))


def test_smaller_images_than_planned_go_through() -> None:
    """As in a training that begins with smaller images."""
    space = SearchSpace.of("nasnet", NetworkIO(1, 32, 5))
    rng = random.Random(0)
    for _ in range(4):
        network = space.provider.build(space.sample(rng).form, space.io)
        assert network(torch.randn(2, 1, 11, 11)).shape == (2, 5)
