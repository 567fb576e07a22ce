"""Architectures are their canonical forms."""

from __future__ import annotations

import json

import pytest

from nasflow.errors import IntegrityError
from nasflow.spaces import Architecture
from nasflow.testing.toy import toy_space


def test_equal_by_form_not_by_choices() -> None:
    space = toy_space(2)
    plain = space.architecture({"depth": 1, "layer1.kind": "pool"})
    skipping = space.architecture({"depth": 2, "layer1.kind": "pool", "layer2.kind": "skip"})
    other = space.architecture({"depth": 1, "layer1.kind": "skip"})
    assert plain == skipping
    assert plain.id == skipping.id
    assert plain.choices != skipping.choices
    assert len({plain, skipping, other}) == 2
    assert plain != "pool"


def test_the_family_is_part_of_the_identity() -> None:
    assert Architecture("a", {}, {"x": 1}) != Architecture("b", {}, {"x": 1})


def test_the_id_stands_for_ever() -> None:
    """Stores hold results under ids: one that changes would orphan them all."""
    assert Architecture("cnn", {"a": 1}, {"b": [1, 2.5, True, None, "ü"], "a": {}}).id == "2684a2721f6af5bb"


def test_survives_json() -> None:
    architecture = toy_space(2).at(17)
    again = Architecture.from_json(json.loads(json.dumps(architecture.to_json())))
    assert again == architecture
    assert again.choices == architecture.choices


@pytest.mark.parametrize("part", ["id", "family", "choices", "form"])
def test_a_missing_part_is_named(part: str) -> None:
    document = toy_space(2).at(17).to_json()
    del document[part]
    with pytest.raises(IntegrityError, match=f"lacks '{part}'"):
        Architecture.from_json(document)


def test_an_altered_form_is_found() -> None:
    document = toy_space(2).at(17).to_json()
    document["form"] = {"layers": []}
    with pytest.raises(IntegrityError, match=r"it was altered"):
        Architecture.from_json(document)
