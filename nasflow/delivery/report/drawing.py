"""A network as a drawing: layers from top to bottom, edges that pass several layers in lanes beside them.

Layers are longest paths from the input and the order in a layer follows the mean place of the neighbours, as in
K. Sugiyama, S. Tagawa, M. Toda, IEEE Transactions on Systems, Man, and Cybernetics 11 (1981).
"""

from __future__ import annotations

import textwrap
from collections import defaultdict
from dataclasses import dataclass
from html import escape
from statistics import fmean

from nasflow.spaces import Graph, Node

_LETTER = 6.7
_LINE = 16
_GAP_X, _GAP_Y = 16, 26
_LANE = 14
_MERGE = 15
_WRAP = 30
_COLOURS = 7


@dataclass
class _Box:
    node: Node
    lines: tuple[str, ...]
    width: float
    height: float
    x: float = 0.0
    y: float = 0.0

    @property
    def round(self) -> bool:
        return len(self.node.label) == 1 and not self.lines


def draw(graph: Graph, title: str) -> str:
    """Return a graph as SVG; its text is readable at its natural width.

    Args:
        graph: The network.
        title: What it is, for readers who hear it.
    """
    if not graph.nodes:
        return ""
    rows = _ordered(graph, _layers(graph))
    boxes = {node.id: _box(node) for node in graph.nodes}
    height = _place(rows, boxes)
    half = {place: max(_reach(boxes[name]) for name in row) for place, row in enumerate(rows)}
    layer = {name: place for place, row in enumerate(rows) for name in row}
    edges, outer = _edges(graph, rows, layer, boxes, half)
    reach = max(outer, *half.values()) + 4
    colours = {label: n % _COLOURS for n, label in enumerate(dict.fromkeys(n.label for n in graph.nodes))}
    drawn = [_drawn(box, colours[box.node.label]) for box in boxes.values()]
    return (
        f'<svg class="network" viewBox="{-reach:.0f} -4 {2 * reach:.0f} {height + 8:.0f}" width="{2 * reach:.0f}" '
        f'height="{height + 8:.0f}" role="img" aria-label="{escape(title)}"><title>{escape(title)}</title>'
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto-start-reverse"><path class="arrow" d="M0 0L8 4L0 8z"/></marker></defs>'
        f"{''.join(edges)}{''.join(drawn)}</svg>"
    )


def _layers(graph: Graph) -> dict[str, int]:
    """Return each node's longest distance from an input; a node in a circle keeps what it was reached with first."""
    after = defaultdict(list)
    waiting = dict.fromkeys((node.id for node in graph.nodes), 0)
    for source, target in graph.edges:
        after[source].append(target)
        waiting[target] += 1
    layer = dict.fromkeys(waiting, 0)
    ready = [name for name, count in waiting.items() if count == 0]
    while ready:
        name = ready.pop()
        for target in after[name]:
            layer[target] = max(layer[target], layer[name] + 1)
            waiting[target] -= 1
            if waiting[target] == 0:
                ready.append(target)
    return layer


def _ordered(graph: Graph, layer: dict[str, int]) -> list[list[str]]:
    used = sorted(set(layer.values()))
    rows = [[node.id for node in graph.nodes if layer[node.id] == place] for place in used]
    before, after = defaultdict(list), defaultdict(list)
    for source, target in graph.edges:
        before[target].append(source)
        after[source].append(target)
    where = {name: n - (len(row) - 1) / 2 for row in rows for n, name in enumerate(row)}
    for near, order in ((before, rows), (after, rows[::-1]), (before, rows)):
        for row in order:  # each row by the one just ordered: by both neighbours at once, two rows may swap for ever
            row.sort(key=lambda name: fmean(where[other] for other in near[name] or [name]))
            where |= {name: n - (len(row) - 1) / 2 for n, name in enumerate(row)}
    return rows


def _box(node: Node) -> _Box:
    lines = tuple(textwrap.wrap(node.detail, _WRAP))
    if len(node.label) == 1 and not lines:
        return _Box(node, lines, 2 * _MERGE, 2 * _MERGE)
    longest = max(len(node.label) * 1.08, *(len(line) * 0.92 for line in lines or ("",)))
    return _Box(node, lines, max(84.0, longest * _LETTER + 26), 14.0 + _LINE * (1 + len(lines)))


def _place(rows: list[list[str]], boxes: dict[str, _Box]) -> float:
    """Give each box its centre; return the height of all."""
    top = 0.0
    for row in rows:
        tall = max(boxes[name].height for name in row)
        x = -(sum(boxes[name].width for name in row) + _GAP_X * (len(row) - 1)) / 2
        for name in row:
            box = boxes[name]
            box.x, box.y = x + box.width / 2, top + tall / 2
            x += box.width + _GAP_X
        top += tall + _GAP_Y
    return top - _GAP_Y


def _reach(box: _Box) -> float:
    return abs(box.x) + box.width / 2


def _edges(
    graph: Graph, rows: list[list[str]], layer: dict[str, int], boxes: dict[str, _Box], half: dict[int, float]
) -> tuple[list[str], float]:
    """Return the edges as SVG and the furthest distance of one from the middle."""
    drawn, outer = [], 0.0
    taken: list[tuple[int, float, int, int]] = []
    for source, target in sorted(graph.edges, key=lambda edge: layer[edge[1]] - layer[edge[0]]):
        a, b, first, last = boxes[source], boxes[target], layer[source], layer[target]
        if last - first <= 1:
            drawn.append(_straight(a, b))
            continue
        side = -1 if (a.x or b.x) < 0 else 1
        lane = max(half[place] for place in range(first, last + 1)) + _LANE
        while any(s == side and abs(x - lane) < _LANE and lo < last and first < hi for s, x, lo, hi in taken):
            lane += _LANE
        taken.append((side, lane, first, last))
        outer = max(outer, lane)
        leaves = rows[first][-1 if side > 0 else 0] == source
        enters = rows[last][-1 if side > 0 else 0] == target
        drawn.append(_detour(a, b, side * lane, leaves, enters))
    return drawn, outer


def _straight(a: _Box, b: _Box) -> str:
    y1, y2 = a.y + a.height / 2, b.y - b.height / 2
    middle = (y1 + y2) / 2
    path = f"M{a.x:.1f} {y1:.1f}C{a.x:.1f} {middle:.1f} {b.x:.1f} {middle:.1f} {b.x:.1f} {y2 - 1:.1f}"
    return f'<path class="edge" d="{path}" marker-end="url(#arrow)"/>'


def _detour(a: _Box, b: _Box, lane: float, leaves: bool, enters: bool) -> str:
    """Return an edge down a lane; it leaves and enters at the side of a box where no other box is in between."""
    side, r = (1 if lane > 0 else -1), 8
    turn = side * r
    if leaves:
        path = (
            f"M{a.x + side * a.width / 2:.1f} {a.y:.1f}H{lane - turn:.1f}Q{lane:.1f} {a.y:.1f} {lane:.1f} {a.y + r:.1f}"
        )
    else:
        bottom = a.y + a.height / 2
        low = bottom + _GAP_Y
        path = f"M{a.x:.1f} {bottom:.1f}C{a.x:.1f} {low:.1f} {lane:.1f} {bottom:.1f} {lane:.1f} {low:.1f}"
    if enters:
        path += f"V{b.y - r:.1f}Q{lane:.1f} {b.y:.1f} {lane - turn:.1f} {b.y:.1f}H{b.x + side * (b.width / 2 + 1):.1f}"
    else:
        top = b.y - b.height / 2
        high = top - _GAP_Y
        path += f"V{high:.1f}C{lane:.1f} {top:.1f} {b.x:.1f} {high:.1f} {b.x:.1f} {top - 1:.1f}"
    return f'<path class="edge" d="{path}" marker-end="url(#arrow)"/>'


def _drawn(box: _Box, colour: int) -> str:
    label, said = escape(box.node.label), escape(f"{box.node.label} {box.node.detail}".strip())
    if box.round:
        return (
            f'<g class="merge"><title>{said}</title><circle cx="{box.x:.1f}" cy="{box.y:.1f}" r="{_MERGE}"/>'
            f'<text x="{box.x:.1f}" y="{box.y + 5:.1f}">{label}</text></g>'
        )
    left, top = box.x - box.width / 2, box.y - box.height / 2
    first = top + 7 + 12.5
    lines = "".join(
        f'<text class="detail" x="{box.x:.1f}" y="{first + _LINE * (n + 1):.1f}">{escape(line)}</text>'
        for n, line in enumerate(box.lines)
    )
    return (
        f'<g class="op hue{colour}"><title>{said}</title><rect x="{left:.1f}" y="{top:.1f}" width="{box.width:.1f}" '
        f'height="{box.height:.1f}" rx="7"/><text x="{box.x:.1f}" y="{first:.1f}">{label}</text>{lines}</g>'
    )
