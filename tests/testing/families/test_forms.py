"""What the contract looks at, and what it refuses before a network is built."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from nasflow.families.mlp.space import MlpFamily
from nasflow.spaces import Choices, Form, Graph, Node, SearchSpace
from nasflow.testing.families.forms import FormContract


class Mlp(FormContract):
    family = "mlp"
    samples = 3


class Tuples(MlpFamily):
    def form(self, choices: Choices, options: Any) -> Form:
        form = super().form(choices, options)
        return {**form, "widths": tuple(form["widths"])}


class Remembering(MlpFamily):
    count: ClassVar[int] = 0

    def form(self, choices: Choices, options: Any) -> Form:
        Remembering.count += 1
        return {**super().form(choices, options), "number": Remembering.count}


class Loose(MlpFamily):
    def graph(self, form: Form) -> Graph:
        drawn = super().graph(form)
        return Graph((*drawn.nodes, Node("loose", "end")), drawn.edges)


@pytest.mark.parametrize(
    ("family", "check"),
    [
        (Tuples, "test_forms_are_json_and_stable"),
        (Remembering, "test_forms_are_json_and_stable"),
        (Loose, "test_drawing"),
    ],
)
def test_a_fault_is_found(monkeypatch: pytest.MonkeyPatch, family: type, check: str) -> None:
    getattr(Mlp(), check)()
    monkeypatch.setattr("nasflow.spaces.space.load_family", lambda name: family())
    with pytest.raises(AssertionError):
        getattr(Mlp(), check)()


def test_a_family_must_be_installed() -> None:
    unknown = Mlp()
    unknown.family = "planted"
    with pytest.raises(AssertionError):
        unknown.test_is_installed()
    Mlp().test_is_installed()


def test_a_contract_looks_at_the_default_and_random_networks() -> None:
    space = Mlp().space(size=8)
    assert isinstance(space, SearchSpace)
    made = Mlp().architectures(space)
    assert len(made) == 4
    assert made[0] == space.architecture(space.tree.assignment(0))
    assert made == Mlp().architectures(space)
    assert made[1:] != Mlp().architectures(space, seed=1)[1:]
