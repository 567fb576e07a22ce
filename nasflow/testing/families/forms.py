"""The part of a family's contract that builds no network: its tree of choices, forms and drawings."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from nasflow.ids import canonical_json
from nasflow.spaces import Architecture, NetworkIO, SearchSpace, family_names
from nasflow.testing.families.drawing import check_drawing

OUTPUTS = 5

_WITHOUT_TORCH = """
import json, sys
from nasflow.spaces import NetworkIO, SearchSpace
space = SearchSpace.of(sys.argv[1], NetworkIO(3, 32, 5), json.loads(sys.argv[2]))
architecture = space.architecture(space.tree.assignment(0))
space.cost(architecture), space.provider.graph(architecture.form)
own = ("torch",) if getattr(space.provider, "imports_torch", False) else ()
print([name for name in ("torch", "mlflow", "kfp", "sklearn") if name in sys.modules and name not in own])
"""


class FormContract:
    """What every family has to keep before a network is built.

    Attributes:
        family: Name of the family.
        options: Its options.
        samples: How many random networks a test looks at, beside the default one.
        smallest: Smallest image a network of this family is built for, in pixels.
    """

    family: str
    options: Mapping[str, Any] = {}
    samples: int = 16
    smallest: int = 8

    def space(self, channels: int = 3, size: int | None = None) -> SearchSpace:
        """Return the family's space for images of a size, by default the smallest."""
        io = NetworkIO(channels, size or self.smallest, OUTPUTS)
        return SearchSpace.of(self.family, io, self.options)

    def architectures(self, space: SearchSpace, seed: int = 0) -> list[Architecture]:
        """Return the default network and random ones."""
        rng = random.Random(seed)
        default = space.architecture(space.tree.assignment(0))
        return [default, *(space.sample(rng) for _ in range(self.samples))]

    def test_is_installed(self) -> None:
        """It is found by its entry point."""
        assert self.family in family_names()

    def test_choices_are_a_legal_tree(self) -> None:
        """Assignments are numbered without gaps, and each is legal."""
        tree = self.space().tree
        rng = random.Random(0)
        assert tree.size >= 1
        for number in (0, tree.size - 1, *(rng.randrange(tree.size) for _ in range(50))):
            assignment = tree.assignment(number)
            assert tree.checked(assignment) == assignment
            assert tree.number(assignment) == number

    def test_space_is_json(self) -> None:
        """A space read back is the same, and gives the same networks."""
        space = self.space()
        again = SearchSpace.from_json(json.loads(canonical_json(space.to_json())))
        assert again.id == space.id
        assert again.architecture(again.tree.assignment(0)) == space.architecture(space.tree.assignment(0))

    def test_forms_are_json_and_stable(self) -> None:
        """A form read back is equal to the form, and the same choices give it again."""
        space = self.space()
        for architecture in self.architectures(space):
            assert json.loads(canonical_json(architecture.form)) == architecture.form
            assert Architecture.from_json(json.loads(canonical_json(architecture.to_json()))) == architecture
            assert self.space().architecture(architecture.choices) == architecture

    def test_needs_no_torch_before_build(self) -> None:
        """Choices, form, cost and drawing import nothing heavy, so that steps without torch stay fast.

        A family may say `imports_torch = True`, as those made by `nasflow.family` do; then torch is let off.
        """
        command = [sys.executable, "-c", _WITHOUT_TORCH, self.family, json.dumps(dict(self.options))]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
        assert result.stdout.strip() == "[]", f"imported without need: {result.stdout}"

    def test_drawing(self) -> None:
        """The drawing is a graph from one source to one sink, without cycles or loose ends, small enough to read."""
        space = self.space(size=224)
        for architecture in self.architectures(space):
            check_drawing(space.provider.graph(architecture.form))
