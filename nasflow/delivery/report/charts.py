"""Charts as SVG of a few kilobytes: axes, lines, dots, a legend, and a title that shows on hovering."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from nasflow.ids import digest

WIDTH, HEIGHT = 420, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 76, 12, 34, 64
_ROW = 20
"""Height of a row of the legend."""

_DENSE = 120
"""Points beyond which a line is drawn thinner, so that it does not hide what is behind it."""


@dataclass(frozen=True)
class Series:
    """Something drawn in a chart.

    Attributes:
        label: Shown on hovering, and in the legend where `legend` is set.
        xs: Places along the x axis.
        ys: Values; a NaN breaks a line and hides a dot.
        style: CSS class, one that the style sheet knows.
        legend: Its entry in the legend, empty for none; equal entries are listed once.
        dots: Whether each point is a dot of its own, else they are joined to a line.
        notes: What hovering over each dot says; by default its place and value.
    """

    label: str
    xs: Sequence[float]
    ys: Sequence[float]
    style: str
    legend: str = ""
    dots: bool = False
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Axis:
    """An axis: its label, how its figures are written, and whether it is logarithmic."""

    label: str
    write: Callable[[float], str] = "{:g}".format
    log: bool = False
    whole: bool = False


def chart(title: str, series: Sequence[Series], x: Axis, y: Axis, low: float | None = None) -> str:
    """Return a chart as SVG.

    Args:
        title: Printed above it.
        series: Drawn in order, later ones on top.
        x: The x axis.
        y: The y axis; always linear.
        low: Where the y axis starts; what is below is cut off. By default at the smallest value.
    """
    xs = [v for s in series for v in s.xs]
    ys = [v for s in series for v in s.ys if math.isfinite(v)]
    if not ys:
        return ""
    across = _Scale(min(xs), max(xs), _LEFT, WIDTH - _RIGHT, x)
    up = _Scale(min(ys) if low is None else max(low, min(ys)), max(ys), HEIGHT - _BOTTOM, _TOP, y)
    clip = f"clip-{digest(title, 8)}"
    body = "".join(_series(s, across, up, x, y) for s in series)
    legend, rows = _legend(series)
    height = HEIGHT + _ROW * (rows - 1)
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">'
        f'<text class="title" x="{_LEFT}" y="18">{escape(title)}</text>'
        f'<defs><clipPath id="{clip}"><rect x="{_LEFT - 5}" y="{_TOP - 5}" width="{WIDTH - _LEFT - _RIGHT + 10}" '
        f'height="{HEIGHT - _TOP - _BOTTOM + 8}"/></clipPath></defs>'
        f"{_axes(across, up, x, y)}<g clip-path='url(#{clip})'>{body}</g>{legend}</svg>"
    )


class _Scale:
    """From values to pixels."""

    def __init__(self, low: float, high: float, start: float, end: float, axis: Axis) -> None:
        self._log = axis.log and low > 0
        self._whole = axis.whole
        if low == high:
            pad = 0.5 if axis.whole else abs(low) * 0.1 or 0.5
            low, high = (low / 1.5, high * 1.5) if self._log else (low - pad, high + pad)
        elif self._log:
            low, high = low / 1.1, high * 1.1
        else:
            pad = (high - low) * (0.02 if axis.whole else 0.04)
            low, high = low - pad, high + pad
        self.low, self.high, self._start, self._end = low, high, start, end

    def __call__(self, value: float) -> float:
        low, high = (math.log(self.low), math.log(self.high)) if self._log else (self.low, self.high)
        at = math.log(value) if self._log else value
        return self._start + (at - low) / (high - low) * (self._end - self._start)

    def ticks(self) -> list[float]:
        if self._log:
            powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            for steps in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7)):
                found = [s * 10.0**p for p in powers for s in steps if self.low <= s * 10.0**p <= self.high]
                if len(found) >= 3:
                    break
            return found[:: max(1, len(found) // 6)]
        raw = (self.high - self.low) / 6
        power = 10.0 ** math.floor(math.log10(raw))
        step = next(s * power for s in (1, 2, 5, 10) if s * power >= raw)
        if self._whole:
            step = max(1.0, math.ceil(step))
        first = math.ceil(self.low / step - 1e-9)
        return [n * step for n in range(first, math.floor(self.high / step + 1e-9) + 1)]


def _axes(across: _Scale, up: _Scale, x: Axis, y: Axis) -> str:
    parts, bottom = [], HEIGHT - _BOTTOM
    for value in up.ticks():
        at = up(value)
        parts.append(f'<path class="grid" d="M{_LEFT} {at:.1f}H{WIDTH - _RIGHT}"/>')
        parts.append(f'<text class="tick end" x="{_LEFT - 7}" y="{at + 4:.1f}">{escape(y.write(value))}</text>')
    for value in across.ticks():
        at = across(value)
        parts.append(f'<path class="grid" d="M{at:.1f} {bottom}v4"/>')
        parts.append(f'<text class="tick middle" x="{at:.1f}" y="{bottom + 17}">{escape(x.write(value))}</text>')
    middle = (_TOP + bottom) / 2
    parts.append(f'<path class="axis" d="M{_LEFT} {_TOP - 4}V{bottom}H{WIDTH - _RIGHT}"/>')
    parts.append(
        f'<text class="label middle" x="{(_LEFT + WIDTH - _RIGHT) / 2}" y="{bottom + 35}">{escape(x.label)}</text>'
    )
    parts.append(f'<text class="label middle" transform="translate(13 {middle}) rotate(-90)">{escape(y.label)}</text>')
    return "".join(parts)


def _series(series: Series, across: _Scale, up: _Scale, x: Axis, y: Axis) -> str:
    points = [(n, a, b) for n, (a, b) in enumerate(zip(series.xs, series.ys, strict=True)) if math.isfinite(b)]
    if series.dots:
        notes = series.notes or [
            f"{series.label}: {y.label} {y.write(b)} at {x.label} {x.write(a)}" for _, a, b in points
        ]
        return "".join(
            f'<circle class="{series.style}" cx="{across(a):.1f}" cy="{up(b):.1f}" r="4">'
            f"<title>{escape(notes[n if series.notes else place])}</title></circle>"
            for place, (n, a, b) in enumerate(points)
        )
    if not points:
        return ""
    path, known = "", -2
    for n, a, b in points:
        path += f"{'L' if n == known + 1 else 'M'}{across(a):.1f} {up(b):.1f}"
        known = n
    last = y.write(points[-1][2])
    note = f"<title>{escape(f'{series.label}: {last} at the end')}</title>"
    style = f"{series.style} dense" if len(points) > _DENSE else series.style
    return f'<g class="line {style}">{note}<path class="touch" d="{path}"/><path d="{path}"/></g>'


def _legend(series: Sequence[Series]) -> tuple[str, int]:
    """Return the legend and how many rows it takes, at least one."""
    entries = list({s.legend: s for s in series if s.legend}.values())
    at, rows, parts = float(_LEFT), 1, []
    for entry in entries:
        width = 23 + 6.6 * len(entry.legend)
        if at > _LEFT and at + width > WIDTH:
            at, rows = float(_LEFT), rows + 1
        y = HEIGHT - 10 + _ROW * (rows - 1)
        mark = (
            f'<circle class="{entry.style}" cx="{at + 9:.0f}" cy="{y - 4}" r="4"/>'
            if entry.dots
            else f'<g class="line {entry.style}"><path d="M{at:.0f} {y - 4}h18"/></g>'
        )
        parts.append(f'{mark}<text class="tick" x="{at + 23:.0f}" y="{y}">{escape(entry.legend)}</text>')
        at += width + 16
    return "".join(parts), rows
