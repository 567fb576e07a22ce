"""Figures as a reader wants them."""

from __future__ import annotations

import math
from collections.abc import Mapping

from nasflow.config.goals import is_share

_MINUS = "\N{MINUS SIGN}"


def figure(name: str, value: float | None) -> str:
    """Return a metric's value: shares as `98.15 %`, counts as `12,345`, others with four digits."""
    if value is None or not math.isfinite(value):
        return "–"
    if is_share(name):
        return f"{100 * value:.2f} %"
    if float(value).is_integer() and abs(value) >= 10:
        return f"{value:,.0f}{unit(name)}"
    return f"{value:.4g}{unit(name)}"


def unit(name: str) -> str:
    """Return the unit that a figure of a quantity is followed by, with a space before it; empty where it has none."""
    return {"latency": " ms", "train_seconds": " s"}.get(name, "")


def tick(name: str, value: float) -> str:
    """Return a value at an axis: shares as `98.5 %`, large ones in short."""
    if is_share(name):
        return f"{100 * value:.4g} %"
    return (count(value) if abs(value) >= 1000 else f"{value:.4g}") + unit(name)


def limits(name: str, low: float, high: float) -> str:
    """Return the limits of a metric's interval, shorter than the figure itself: `97.4–99.8 %`."""
    if is_share(name):
        return f"{100 * low:.1f}–{100 * high:.1f} %"
    return f"{low:.3g}–{high:.3g}"


def choice(value: str | int | float | bool) -> str:
    """Return a chosen value; booleans as `yes` and `no`."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def grouped(choices: Mapping[str, str | int | float | bool]) -> list[tuple[str, str]]:
    """Return choices in words, those with a common first part of their names together."""
    groups: dict[str, list[str]] = {}
    for name, value in choices.items():
        group, _, rest = name.rpartition(".")
        said = {True: rest, False: f"no {rest}"}[value] if isinstance(value, bool) else f"{rest} {choice(value)}"
        groups.setdefault(group, []).append(said.replace("_", " "))
    return [(group, ", ".join(said)) for group, said in sorted(groups.items())]


def change(name: str, value: float) -> str:
    """Return a difference with its sign; of shares in percentage points."""
    if is_share(name):
        return f"{100 * value:+.2f} points".replace("-", _MINUS)
    return f"{value:+.4g}".replace("-", _MINUS)


def spread(name: str, value: float) -> str:
    """Return a standard error in the units of `change`."""
    return f"{100 * value:.2f} points" if is_share(name) else f"{value:.2g}"


def title(name: str) -> str:
    """Return a metric's name in words: `val_macro_f1` is `Validation macro F1`."""
    words = name.replace("val_", "validation_").replace("f1", "F1").replace("flops", "FLOPs").replace("_", " ")
    return words[:1].upper() + words[1:]


def count(value: float | None) -> str:
    """Return a count in short: `1.25 M`, `310 k`, `42`."""
    if value is None:
        return "–"
    for size, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:,.0f}"


def whole(value: float) -> str:
    """Return a whole number in full, or rounded to a power of ten where it has more than twelve digits."""
    return f"{value:,}" if value < 10**12 else f"about 10^{math.floor(math.log10(value))}"


def duration(seconds: float) -> str:
    """Return a duration with two units: `1 h 5 min`, `2 min 3 s`, `4.2 s`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min {rest} s" if minutes < 60 else "1 h 0 min"
    hours, rest = divmod(round(seconds / 60), 60)
    return f"{hours} h {rest} min"


def plural(number: int, word: str) -> str:
    """Return a number with its noun: `1 trial`, `24 trials`."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"
