"""The drawing of any network: its modules in the order in which an image passes them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from nasflow.errors import SpaceError
from nasflow.families.drawing import Drawing
from nasflow.families.module.labels import Label, function_label, module_label
from nasflow.families.module.tracing import Construct, asked, visited
from nasflow.spaces import Choices, Graph, NetworkIO

MOST_VERTICES = 39

_SIZES = (32, 64, 28, 224, 128, 16, 96, 8)
_OUTPUTS = 10
_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)

Leaf = Callable[[nn.Module, bool], bool]
"""Whether a module is drawn as one vertex; told too whether it is the whole network."""


def draw(construct: Construct, made: Choices) -> Graph:
    """Return the network of some choices as a graph.

    Normalisations, activations and dropout are told of at the layer before them. A network of many layers is drawn
    coarser, by the blocks that it is made of.

    Raises:
        SpaceError: It fails for images of every usual size.
    """
    io = _fitting(construct, made)
    for leaf in _LEVELS:
        graph = visited(construct, io, made, partial(_traced, leaf=leaf))
        if len(graph.nodes) <= MOST_VERTICES:
            break
    return graph


def _fitting(construct: Construct, made: Choices) -> NetworkIO:
    """Return images for which the constructor asks for just these choices, since a form does not tell its images."""
    cause: SpaceError | None = None
    for size in _SIZES:
        for channels in (3, 1):
            io = NetworkIO(channels, size, _OUTPUTS)
            try:
                if asked(construct, io, made).keys() == made.keys():
                    visited(construct, io, made, lambda network, image: network(image))
                    return io
            except SpaceError as error:
                cause = cause or error
    raise cause or SpaceError("the network makes other choices than these for images of every usual size.")


def _alone(module: nn.Module) -> bool:
    """Whether a module is one layer: it has no parts, or is torch's own."""
    parts = next(module.children(), None) is not None
    return not parts or (type(module).__module__.startswith("torch.nn.") and not isinstance(module, _CONTAINERS))


def _every_layer(module: nn.Module, whole: bool) -> bool:
    return not whole and _alone(module)


def _blocks(module: nn.Module, whole: bool) -> bool:
    return not whole and not isinstance(module, _CONTAINERS)


def _parts(module: nn.Module, whole: bool) -> bool:
    return not whole


_LEVELS: tuple[Leaf, ...] = (_every_layer, _blocks, _parts)


@dataclass
class _Vertex:
    label: Label
    after: tuple[int, ...]
    details: list[str] = field(default_factory=list)


class _Flow(TorchFunctionMode):
    """Follows tensors from vertex to vertex."""

    def __init__(self, image: Tensor) -> None:
        super().__init__()
        self.vertices = [_Vertex(Label("image"), ())]
        self.inside = 0
        self._kept: list[Tensor] = []  # an id is a tensor's own only while the tensor lives
        self._sources: dict[int, tuple[int, ...]] = {}
        self._mark(image, (0,))

    def _mark(self, result: Any, sources: tuple[int, ...]) -> None:
        for tensor in _tensors(result):
            self._kept.append(tensor)
            self._sources[id(tensor)] = sources

    def sources(self, given: Any) -> tuple[int, ...]:
        """Return the vertices that some tensors come from."""
        found = (source for tensor in _tensors(given) for source in self._sources.get(id(tensor), ()))
        return tuple(dict.fromkeys(found))

    def add(self, label: Label | None, sources: tuple[int, ...], result: Any) -> None:
        """Add a vertex for what made a result; without a label, the result counts as what it was made of."""
        if label is not None and sources:
            self.vertices.append(_Vertex(label, sources))
            sources = (len(self.vertices) - 1,)
        self._mark(result, sources)

    def __torch_function__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        sources = () if self.inside else self.sources([*args, *(kwargs or {}).values()])
        result = func(*args, **(kwargs or {}))
        if sources:
            self.add(function_label(func, merges=len(sources) > 1), sources, result)
        return result

    def watch(self, module: nn.Module) -> list[Any]:
        """Make a module one vertex; returns the handles of its hooks."""
        entered: list[tuple[int, ...]] = []

        def enter(_: nn.Module, args: Any, kwargs: Any) -> None:
            entered.append(() if self.inside else self.sources([*args, *kwargs.values()]))
            self.inside += 1

        def leave(_: nn.Module, args: Any, kwargs: Any, result: Any) -> None:
            self.inside -= 1
            if not self.inside:
                self.add(module_label(module), entered.pop(), result)

        return [
            module.register_forward_pre_hook(enter, with_kwargs=True),
            module.register_forward_hook(leave, with_kwargs=True),
        ]


def _traced(network: nn.Module, image: Tensor, leaf: Leaf) -> Graph:
    network(image)  # lazy layers know their kind only now
    flow = _Flow(image)
    handles = [handle for module in _leaves(network, leaf) for handle in flow.watch(module)]
    try:
        with flow:
            result = network(image)
    finally:
        for handle in handles:
            handle.remove()
    sources = flow.sources([result])
    if len(sources) > 1:
        flow.add(Label("output"), sources, result)
        sources = flow.sources([result])
    return _graph(_folded(flow.vertices, _needed(flow.vertices, sources or (0,))))


def _leaves(module: nn.Module, leaf: Leaf, whole: bool = True) -> list[nn.Module]:
    if leaf(module, whole) or next(module.children(), None) is None:
        return [module]
    return [found for part in module.children() for found in _leaves(part, leaf, whole=False)]


def _needed(vertices: list[_Vertex], sinks: tuple[int, ...]) -> list[int]:
    """Return the vertices that the output depends on, in order."""
    reached, waiting = set(sinks), list(sinks)
    while waiting:
        for source in vertices[waiting.pop()].after:
            if source not in reached:
                reached.add(source)
                waiting.append(source)
    return sorted(reached)


def _folded(vertices: list[_Vertex], needed: list[int]) -> dict[int, _Vertex]:
    """Tell of what only trails a layer in that layer's vertex."""
    readers = defaultdict(list)
    for place in needed:
        for source in vertices[place].after:
            readers[source].append(place)
    stands_for: dict[int, int] = {}
    kept: dict[int, _Vertex] = {}
    for place in needed:
        vertex = vertices[place]
        after = tuple(dict.fromkeys(stands_for[source] for source in vertex.after))
        into = after[0] if len(after) == 1 else 0
        if vertex.label.trails and into and len(readers[vertex.after[0]]) == 1:
            stands_for[place] = into
            kept[into].details.append(vertex.label.said)
        else:
            stands_for[place] = place
            kept[place] = _Vertex(vertex.label, after, [vertex.label.detail] if vertex.label.detail else [])
    return kept


def _graph(vertices: dict[int, _Vertex]) -> Graph:
    drawing = Drawing()
    names: dict[int, str] = {}
    for number, (place, vertex) in enumerate(vertices.items(), 1):
        name, details = vertex.label.name, vertex.details
        if number == len(vertices) and name == "linear":
            name, details = "logits", ["linear", *details[1:]]
        names[place] = drawing.add(name, ", ".join(details), [names[source] for source in vertex.after])
    return drawing.graph()


def _tensors(given: Any) -> list[Tensor]:
    if isinstance(given, Tensor):
        return [given]
    if isinstance(given, dict):
        given = list(given.values())
    return [tensor for value in given for tensor in _tensors(value)] if isinstance(given, list | tuple) else []
