"""Reading the layers of a search's YAML into their normal form, one clear sentence for each mistake.

In normal form every setting is a list of values, and nothing is left out: spelling out a default changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nasflow.families.layered.settings import LAYERS, SPATIAL, checked_values, shown
from nasflow.plugins import nearest

Layer = Mapping[str, Any]
"""One entry of a list of layers, in normal form; `name`, where it has one, stands beside what it is."""

MOST_REPEATS = 32
MOST_LAYERS = 200

_KINDS = (*LAYERS, "repeat", "choose")
_BESIDE = {"repeat": ("layers", "vary", "name"), "choose": ("name",)}


def parsed(given: Any) -> dict[str, Any]:
    """Return one entry in normal form.

    Args:
        given: A mapping such as `{"conv": {"width": [16, 32]}}`; one in normal form stays as it is.

    Raises:
        ValueError: It is no layer; the sentence says what to change.
    """
    if not isinstance(given, Mapping) or not given:
        hint = f", as in `{given}: …`" if given in _KINDS else ""
        raise ValueError(f"must be a mapping from a layer's name to its settings{hint}, not {shown(given)}")
    kinds = [key for key in given if key in _KINDS]
    if len(kinds) > 1:
        raise ValueError(f"holds '{kinds[0]}' and '{kinds[1]}'; each layer is an entry of the list on its own")
    beside = _BESIDE.get(kinds[0], ("name",)) if kinds else ("name", "layers", "vary")
    unknown = next((key for key in given if key not in (*kinds, *beside)), None)
    if unknown is not None and kinds:
        raise ValueError(f"'{unknown}' does not belong beside '{kinds[0]}'.{nearest(unknown, beside)}")
    if not kinds:
        word = unknown or next(iter(given))
        raise ValueError(f"'{word}' is no layer; there are {', '.join(_KINDS)}.{nearest(word, _KINDS)}")
    kind = kinds[0]
    readers = {"repeat": _repeat, "choose": _choose}
    found = readers[kind](given) if kind in readers else {kind: _settings(kind, given[kind])}
    return {**found, **_name(given)}


def _name(given: Mapping[str, Any]) -> dict[str, str]:
    if "name" not in given:
        return {}
    name = given["name"]
    if not isinstance(name, str) or not name.replace("_", "").replace("-", "").isalnum():
        raise ValueError(f"name must be a word of letters, digits, '_' and '-', not {name!r}")
    return {"name": name}


def _settings(kind: str, given: Any) -> dict[str, Any]:
    offered = LAYERS[kind]
    written = dict(given) if isinstance(given, Mapping) else {next(iter(offered)): given}
    for name in written:
        if name not in offered:
            raise ValueError(f"{kind} has no setting '{name}'; it has {', '.join(offered)}.{nearest(name, offered)}")
    found = {}
    for name, setting in offered.items():
        if name in written:
            found[name] = checked_values(kind, name, written[name])
        elif setting.required:
            raise ValueError(f"{kind} needs {name}: {setting.said}, or a list of such")
        elif setting.default is not None:
            found[name] = [setting.default]
    return found


def _repeat(given: Mapping[str, Any]) -> dict[str, Any]:
    counts = given["repeat"] if isinstance(given["repeat"], list | tuple) else [given["repeat"]]
    if not counts or any(type(n) is not int or not 0 <= n <= MOST_REPEATS for n in counts):
        raise ValueError(f"repeat must be a whole number from 0 to {MOST_REPEATS}, or a list of such, not {counts}")
    if len(set(counts)) < len(counts):
        raise ValueError(f"repeat lists a value twice: {list(counts)}")
    vary = given.get("vary", False)
    if not isinstance(vary, bool):
        raise ValueError(f"vary must be true or false, not {shown(vary)}")
    if "layers" not in given:
        raise ValueError("repeat needs `layers` beside it: the list of what is repeated")
    return {"repeat": list(counts), "vary": vary, "layers": _sequence(given["layers"], "layers")}


def _choose(given: Mapping[str, Any]) -> dict[str, Any]:
    branches = given["choose"]
    if not isinstance(branches, Mapping) or not branches:
        raise ValueError(f"choose must be a mapping from names to lists of layers, not {shown(branches)}")
    found = {}
    for name, layers in branches.items():
        found[_name({"name": name})["name"]] = _sequence(layers, f"choose.{name}", empty=True)
    return {"choose": found}


def _sequence(given: Any, where: str, *, empty: bool = False) -> list[dict[str, Any]]:
    if not isinstance(given, list | tuple) or not (given or empty):
        raise ValueError(f"{where} must be a list of layers, not {shown(given)}")
    found = []
    for place, layer in enumerate(given):
        try:
            found.append(parsed(layer))
        except ValueError as error:
            text = str(error)
            raise ValueError(f"{where}[{place}]{' ' if text.startswith('must') else ': '}{text}") from None
    return found


def named(layers: Sequence[Layer], prefix: str = "") -> Iterator[tuple[str, Layer]]:
    """Yield layers with their full names: `layer1`, `layer2`, …, or as the user named them."""
    for number, layer in enumerate(layers, 1):
        yield prefix + layer.get("name", f"layer{number}"), layer


def copies(name: str, layer: Layer) -> list[str]:
    """Return the prefix of each copy's names in a `repeat`: one for all, unless they vary."""
    most = max(layer["repeat"])
    return [f"{name}.{number}." for number in range(1, most + 1)] if layer["vary"] else [f"{name}."] * most


def check_sequence(layers: Sequence[Layer]) -> None:
    """Refuse an empty list, layers that cannot follow one another, names used twice, and networks too deep.

    Raises:
        ValueError: What is wrong.
    """
    if not layers:
        raise ValueError("needs at least one layer")
    _check_names(layers)
    _flat(layers, {False}, "")
    depth = _deepest(layers)
    if depth > MOST_LAYERS:
        raise ValueError(f"the deepest network has {depth:,} layers, and may have {MOST_LAYERS}; repeat less")


def _check_names(layers: Sequence[Layer]) -> None:
    known: set[str] = set()
    for name, layer in named(layers):
        if name in known:
            raise ValueError(f"two layers are called '{name}'; give each its own name")
        known.add(name)
        for part in _parts(layer):
            _check_names(part)


def _parts(layer: Layer) -> list[Sequence[Layer]]:
    return [layer["layers"]] if "repeat" in layer else list(layer.get("choose", {}).values())


def _flat(layers: Sequence[Layer], before: set[bool], where: str) -> set[bool]:
    """Return whether what leaves a sequence may be a vector, and whether it may be a map."""
    for name, layer in named(layers, where):
        if "choose" in layer:
            branches = layer["choose"].items()
            before = set().union(*(_flat(part, before, f"{name}.{branch}.") for branch, part in branches))
        elif "repeat" in layer:
            after = set(before) if 0 in layer["repeat"] else set()
            for number in range(1, min(2, max(layer["repeat"])) + 1):
                before = _flat(layer["layers"], before, f"{name}.")
                after |= before if number in layer["repeat"] or number > 1 else set()
            before = after
        else:
            kind = next(key for key in layer if key in LAYERS)
            if kind in SPATIAL and True in before:
                raise ValueError(
                    f"{name}, a {kind}, may come after a linear layer or global pooling, where there is no map any "
                    f"more; convolutions and pooling go first"
                )
            before = {True} if kind in ("linear", "global_pool") else before
    return before


def _deepest(layers: Sequence[Layer]) -> int:
    total = 0
    for layer in layers:
        parts = [_deepest(part) for part in _parts(layer)]
        total += max(parts, default=1) * max(layer.get("repeat", [1]))
    return total
