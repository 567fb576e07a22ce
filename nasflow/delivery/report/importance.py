"""Which choices mattered, and how sure that is.

The trials are drawn anew with replacement; a forest of extremely randomised trees (P. Geurts, D. Ernst, L. Wehenkel,
Machine Learning 63, 2006) learns the objective from the choices of those drawn, and predicts it for the others. A
choice's importance is how much worse it predicts them once that choice is shuffled among them (permutation importance:
L. Breiman, Machine Learning 45, 2001). Repeated draws give the median and the interval.

On noise alone, an interval left out zero for 9 of 3,150 choices, in 8 of 210 simulated searches (24 or 60 trials, 15
choices).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nasflow.delivery.report.parts import Choices, Direction, Importance, Level, Weight
from nasflow.delivery.report.wording import choice as spoken
from nasflow.delivery.statistics import Interval

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NEEDED = 16
"""Different networks below which nothing is said: fewer than six would be held out each time."""

_DRAWS, _TREES, _SHUFFLES = 30, 16, 3
_MOST_TRIALS = 400
"""Of more trials, the latest: the time that it takes grows with them, and 400 leave little doubt."""


@dataclass(frozen=True)
class Seen:
    """One network that was tried: the choices made, the epochs it had, and the value of the deciding objective."""

    choices: Choices
    epochs: float
    value: float


def importance(seen: Sequence[Seen], direction: Direction, seed: int = 0) -> Importance:
    """Return which choices mattered for the deciding objective.

    Args:
        seen: The networks that completed, each once.
        direction: Which way the objective is better.
        seed: Of the draws; the same seed gives the same figures.
    """
    import numpy as np

    seen = seen[-_MOST_TRIALS:]
    values = np.array([one.value for one in seen], dtype=np.float64)
    names = _varied([one.choices for one in seen])
    few = Importance(len(seen), NEEDED)
    if len(seen) < NEEDED or not names or np.ptp(values) == 0:
        return few
    blocks = [_encoded([one.choices.get(name) for one in seen]) for name in names]
    if len({one.epochs for one in seen}) > 1:  # explains, and is no choice
        blocks.append(np.array([[one.epochs] for one in seen], dtype=np.float64))
    losses, explained = _losses(blocks, values, seed)
    low, median, high = np.percentile(losses[:, : len(names)], [2.5, 50, 97.5], axis=0)
    weights = [
        Weight(name, float(median[at]), float(low[at]), float(high[at]), _levels(name, seen, direction))
        for at, name in enumerate(names)
    ]
    weights.sort(key=lambda weight: (-weight.median, weight.name))
    limits = [float(limit) for limit in np.percentile(explained, [50, 2.5, 97.5])]
    return Importance(len(seen), NEEDED, tuple(weights), Interval(*limits))


def _varied(made: Sequence[Choices]) -> list[str]:
    """Return the choices that differ among the networks, absence being a value of its own."""
    names = list(dict.fromkeys(name for choices in made for name in choices))
    return [name for name in names if len({_key(choices.get(name)) for choices in made}) > 1]


def _key(value: object) -> tuple[str, str]:
    return ("number", f"{value:g}") if _numeric(value) else (type(value).__name__, str(value))


def _numeric(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _encoded(values: Sequence[object]) -> NDArray[np.float64]:
    """Return a choice as columns, float64 (N, k): numbers as they are and NaN where absent, others a column a value."""
    import numpy as np

    if all(value is None or _numeric(value) for value in values):
        return np.array([[np.nan if value is None else float(str(value))] for value in values], dtype=np.float64)
    levels = sorted({_key(value) for value in values})
    return np.array([[float(_key(value) == level) for level in levels] for value in values], dtype=np.float64)


def _losses(
    blocks: Sequence[NDArray[np.float64]], values: NDArray[np.float64], seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return, for each draw, what shuffling each block costs (draws, blocks), and the share explained (draws,)."""
    import numpy as np
    from sklearn.ensemble import ExtraTreesRegressor

    rng = np.random.default_rng(seed)
    columns, count = np.concatenate(blocks, axis=1), len(values)
    ends = np.cumsum([block.shape[1] for block in blocks])
    losses, explained = np.empty((_DRAWS, len(blocks))), np.empty(_DRAWS)
    for draw in range(_DRAWS):
        drawn = rng.integers(0, count, count)
        held = np.setdiff1d(np.arange(count), drawn)
        forest = ExtraTreesRegressor(
            _TREES, min_samples_leaf=2, max_features=0.5, random_state=int(rng.integers(2**31)), n_jobs=1
        ).fit(columns[drawn], values[drawn])
        shuffled = np.tile(columns[held], (len(blocks), _SHUFFLES, 1, 1))
        for at, (end, block) in enumerate(zip(ends, blocks, strict=True)):
            for turn in range(_SHUFFLES):
                shuffled[at, turn, :, end - block.shape[1] : end] = block[rng.permutation(held)]
        # All in one call: a call costs more than the rows in it.
        answers = forest.predict(np.concatenate([columns[held], shuffled.reshape(-1, columns.shape[1])]))
        error = np.mean((answers[: len(held)] - values[held]) ** 2)
        errors = np.mean((answers[len(held) :].reshape(*shuffled.shape[:3]) - values[held]) ** 2, axis=(1, 2))
        losses[draw] = (errors - error) / values.var()
        explained[draw] = 1 - error / values.var()
    return losses, explained


def _levels(name: str, seen: Sequence[Seen], direction: Direction) -> tuple[Level, ...]:
    groups: dict[str, list[float]] = {}
    for one in seen:
        value = one.choices.get(name)
        groups.setdefault("absent" if value is None else spoken(value), []).append(one.value)
    levels = [Level(value, len(found), sum(found) / len(found)) for value, found in groups.items()]
    return tuple(sorted(levels, key=lambda level: level.mean, reverse=direction == "maximize"))


def latest(rows: Sequence[tuple[str, Seen]]) -> list[Seen]:
    """Return each network once, as it did with the most training.

    Args:
        rows: The id of a network and what was seen of it, in the order proposed.
    """
    found: dict[str, Seen] = {}
    for name, one in rows:
        if name not in found or one.epochs >= found[name].epochs:
            found[name] = one
    return list(found.values())
