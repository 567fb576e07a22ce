"""Numbers, times and curves as people read them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from nasflow.config.goals import is_share

_BARS = "▁▂▃▄▅▆▇█"


def metric(name: str, value: float | None) -> str:
    """Return a metric's value: shares in per cent, counts with separators, the rest with four digits.

    Args:
        name: The metric's name, which decides.
        value: Its value; None and NaN give a dash.
    """
    if value is None or math.isnan(value):
        return "–"
    if is_share(name):
        return f"{100 * value:.2f} %"
    if name.endswith("_seconds"):
        return duration(value)
    if name in ("parameters", "flops"):
        return short(value)
    if name == "latency":
        return f"{value:.4g} ms"
    return f"{value:.4g}"


def short(value: float) -> str:
    """Return a count with a unit: `950`, `78.4 k`, `1.20 M`."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            scaled = value / limit
            return f"{scaled:.{2 if scaled < 10 else 1 if scaled < 100 else 0}f} {unit}"
    return f"{value:.0f}"


def count(number: int, noun: str) -> str:
    """Return a number and its noun: `1 trial`, `1,024 trials`."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"


def huge(number: int) -> str:
    """Return a size that may be astronomic: `15,625`, `about 3.1e+14`."""
    return (
        f"{number:,}"
        if number < 10**9
        else f"about {float(f'{number:.2e}'):.1e}"
        if number < 10**300
        else "over 1e+300"
    )


def duration(seconds: float | None) -> str:
    """Return a time: `0.4 s`, `45 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`; a dash for None."""
    if seconds is None or not math.isfinite(seconds):
        return "–"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    for size, unit, below, small in ((60, "min", 1, "s"), (3600, "h", 60, "min"), (86400, "d", 3600, "h")):
        if whole < {60: 3600, 3600: 86400}.get(size, math.inf):
            rest = whole % size // below
            return f"{whole // size} {unit} {rest} {small}" if rest else f"{whole // size} {unit}"
    return f"{whole} s"


def rounded(seconds: float) -> str:
    """Return a time as one says it where it is not known exactly: `4 s`, `50 s`, `3 min 30 s`, `25 min`."""
    for below, step in ((10, 1), (60, 5), (600, 30), (3600, 60), (36000, 600)):
        if seconds < below:
            whole = max(step, step * math.floor(seconds / step + 0.5))
            return f"{whole} s" if whole < 60 else duration(whole)
    return f"{seconds / 3600:.0f} h"


def ago(seconds: float) -> str:
    """Return how long ago something was, in its largest unit: `just now`, `5 min ago`, `3 d ago`."""
    for length, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= length:
            return f"{seconds // length:.0f} {unit} ago"
    return "just now"


def size(count_of_bytes: int) -> str:
    """Return a number of bytes: `512 B`, `3.4 MB`."""
    value = float(count_of_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def sparkline(values: Sequence[float], width: int = 40) -> str:
    """Return a curve as a row of blocks, low to high; NaN is a space.

    Args:
        values: The curve; more than `width` values are thinned out, first and last kept.
        width: Most characters.
    """
    if len(values) > width:
        values = [values[round(i * (len(values) - 1) / (width - 1))] for i in range(width)]
    finite = [v for v in values if math.isfinite(v)]
    if not finite:
        return ""
    low, high = min(finite), max(finite)
    scale = (len(_BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(_BARS[round((v - low) * scale)] if math.isfinite(v) else " " for v in values)


def clipped(text: str, width: int) -> str:
    """Return a text cut to a width, an ellipsis at the cut."""
    return text if len(text) <= width else f"{text[: max(0, width - 1)]}…"
