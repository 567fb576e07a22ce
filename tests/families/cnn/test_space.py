from __future__ import annotations

import pytest
from pydantic import ValidationError

from nasflow.errors import SpaceError
from nasflow.families.cnn.space import CnnFamily, CnnOptions
from nasflow.spaces import NetworkIO, SearchSpace
from nasflow.testing.families import FamilyContract

SMALL = NetworkIO(1, 8, 10)
STAGE = {"kind": "plain", "depth": 1, "width": 16, "kernel": 3}


class TestCnn(FamilyContract):
    family = "cnn"
    samples = 14


class TestDeepCnn(FamilyContract):
    family = "cnn"
    options = {
        "max_stages": 5,
        "stem_widths": [7],
        "widths": [[5], [8], [8], [9], [12]],
        "depths": [3],
        "kernels": [7, 1],
        "expansions": [1, 3],
    }
    samples = 5


def assignment(space: SearchSpace, **chosen: object) -> dict[str, object]:
    """The default of each choice, but for those given (a dot is written `__`)."""
    wanted = {name.replace("__", "."): value for name, value in chosen.items()}
    made: dict[str, object] = {}
    for choice in space.tree:
        if choice.parent is None or (choice.parent in made and made[choice.parent] in choice.when):
            made[choice.name] = wanted.pop(choice.name, choice.values[0])
    assert not wanted
    return made


def form(**chosen: object) -> dict[str, object]:
    space = SearchSpace.of("cnn", SMALL)
    return dict(space.architecture(assignment(space, **chosen)).form)


def test_default_is_the_shape_of_the_reference() -> None:
    space = SearchSpace.of("cnn", SMALL)
    reference = SearchSpace.of("resnet", SMALL)
    made = space.cost(space.architecture(space.tree.assignment(0)))
    assert made == reference.cost(reference.architecture({"depth": 8}))


def test_the_space_is_rich() -> None:
    assert SearchSpace.of("cnn", SMALL).size > 100_000_000


@pytest.mark.parametrize(("size", "most"), [(8, 3), (9, 4), (16, 4), (17, 5), (32, 5), (64, 5), (224, 5)])
def test_no_more_stages_than_the_images_can_be_halved_for(size: int, most: int) -> None:
    tree = SearchSpace.of("cnn", NetworkIO(1, size, 10), {"max_stages": 5}).tree
    assert sorted(tree.by_name["stages"].values) == list(range(1, most + 1))
    assert f"stage{most}.kind" in tree.by_name
    assert f"stage{most + 1}.kind" not in tree.by_name


def test_a_stage_has_choices_only_where_it_exists() -> None:
    space = SearchSpace.of("cnn", SMALL)
    made = assignment(space, stages=1)
    assert not [name for name in made if name.startswith("stage2")]
    assert "pooling" not in made
    with pytest.raises(SpaceError, match="does not exist"):
        space.architecture({**made, "stage2.width": 32})  # type: ignore[dict-item]


def test_a_kind_has_its_own_choices() -> None:
    space = SearchSpace.of("cnn", SMALL)
    owned = {
        kind: {
            name.removeprefix("stage1.") for name in assignment(space, stage1__kind=kind) if name.startswith("stage1.")
        }
        - {"kind", "depth", "width", "kernel"}
        for kind in ("plain", "separable", "inverted", "residual")
    }
    assert owned == {
        "plain": {"skip"},
        "separable": {"skip", "squeeze_excite"},
        "inverted": {"expansion", "squeeze_excite"},
        "residual": {"squeeze_excite"},
    }


def test_narrowed_by_the_user() -> None:
    space = SearchSpace.of("cnn", SMALL, restrictions={"stage2.width": [32, 48], "stages": [2]})
    assert space.tree.by_name["stage2.width"].values == (32, 48)
    assert "stage3.width" not in space.tree.by_name
    with pytest.raises(SpaceError, match=r"stage2\.width: 40 is none of"):
        SearchSpace.of("cnn", SMALL, restrictions={"stage2.width": [40]})


def test_a_skip_that_no_block_can_take_is_dropped() -> None:
    shared = {"stages": 2, "pooling": "strided", "stage2__kind": "plain", "stage2__depth": 1, "stage2__width": 24}
    assert form(**shared, stage1__width=24, stage2__skip=True) == form(**shared, stage1__width=24, stage2__skip=False)


@pytest.mark.parametrize(
    "change",
    [
        {"stage2__depth": 2},  # the second block can take it
        {"pooling": "max"},  # the first block has no stride and keeps the width
    ],
)
def test_a_skip_that_a_block_can_take_counts(change: dict[str, object]) -> None:
    shared: dict[str, object] = {"stages": 2, "pooling": "strided", "stage1__width": 24, "stage2__width": 24}
    shared |= {"stage2__kind": "plain", "stage2__depth": 1} | change
    assert form(**shared, stage2__skip=True) != form(**shared, stage2__skip=False)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"kernels": [4]}, "odd size, not 4"),
        ({"max_stages": 6}, "less than or equal to 5"),
        ({"widths": [[16]]}, "a list for each of 4 stages, not 1"),
        ({"depths": [0]}, "greater than or equal to 1"),
        ({"deepths": [1]}, "Extra inputs"),
    ],
)
def test_options_are_checked(options: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        CnnOptions.model_validate(options)


def test_repeated_and_missing_values_are_refused() -> None:
    with pytest.raises(SpaceError, match=r"stage1\.depth: lists a value twice"):
        CnnFamily().choices(CnnOptions(depths=(1, 1)), SMALL)
    with pytest.raises(SpaceError, match=r"stem: needs at least one value"):
        CnnFamily().choices(CnnOptions(stem_widths=()), SMALL)
