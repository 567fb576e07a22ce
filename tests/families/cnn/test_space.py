from __future__ import annotations

from typing import Any

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


class TestEveryKind(FamilyContract):
    family = "cnn"
    options = {"kinds": ["inception", "bottleneck", "mixer", "residual", "plain", "separable", "inverted"]}
    samples = 6


class TestTinyNewKinds(FamilyContract):
    family = "cnn"
    options = {
        "kinds": ["mixer", "inception", "bottleneck"],
        "max_stages": 4,
        "stem_widths": [3],
        "widths": [[1, 2], [3], [5], [6, 4]],
        "depths": [1, 2],
        "kernels": [1, 5],
        "reductions": [3, 8],
    }
    samples = 4


class TestScaled(FamilyContract):
    family = "cnn"
    options = {"kinds": ["plain", "inception", "mixer"], "scales": [1, 0, 2.5], "max_stages": 3}
    samples = 3


def assignment(space: SearchSpace, **chosen: Any) -> dict[str, Any]:
    """The default of each choice, but for those given (a dot is written `__`)."""
    wanted = {name.replace("__", "."): value for name, value in chosen.items()}
    made: dict[str, Any] = {}
    for choice in space.tree:
        if choice.parent is None or (choice.parent in made and made[choice.parent] in choice.when):
            made[choice.name] = wanted.pop(choice.name, choice.values[0])
    assert not wanted
    return made


EVERY_KIND: dict[str, Any] = {
    "kinds": ["plain", "bottleneck", "inception", "mixer", "separable", "inverted", "residual"]
}


def form(options: dict[str, Any] | None = None, **chosen: Any) -> dict[str, Any]:
    space = SearchSpace.of("cnn", SMALL, options)
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
        space.architecture({**made, "stage2.width": 32})


def test_a_kind_has_its_own_choices() -> None:
    space = SearchSpace.of("cnn", SMALL, EVERY_KIND)
    owned = {
        kind: {
            name.removeprefix("stage1.") for name in assignment(space, stage1__kind=kind) if name.startswith("stage1.")
        }
        - {"kind", "depth", "width", "kernel"}
        for kind in EVERY_KIND["kinds"]
    }
    assert owned == {
        "plain": {"skip"},
        "separable": {"skip", "squeeze_excite"},
        "inverted": {"expansion", "squeeze_excite"},
        "residual": {"squeeze_excite"},
        "bottleneck": {"reduction", "squeeze_excite"},
        "inception": {"skip"},
        "mixer": {"expansion"},
    }


def test_only_the_kinds_asked_for_have_choices() -> None:
    tree = SearchSpace.of("cnn", SMALL, {"kinds": ["mixer", "residual"]}).tree
    assert tree.by_name["stage1.kind"].values == ("mixer", "residual")
    assert tree.by_name["stage1.expansion"].when == ("mixer",)
    assert not {"stage1.skip", "stage1.reduction"} & set(tree.by_name)


def test_bottlenecks_of_one_inner_width_are_the_same() -> None:
    options: dict[str, Any] = {**EVERY_KIND, "widths": [[3], [3], [3], [3]]}
    shared: dict[str, Any] = {"stages": 1, "stage1__kind": "bottleneck"}
    made = [form(options, **shared, stage1__reduction=reduction) for reduction in (2, 4)]
    assert made[0] == made[1]
    assert form(EVERY_KIND, **shared, stage1__reduction=2) != form(EVERY_KIND, **shared, stage1__reduction=4)


def test_the_kernel_of_a_single_branch_changes_nothing() -> None:
    options: dict[str, Any] = {**EVERY_KIND, "widths": [[1, 2], [1], [1], [1]]}
    shared: dict[str, Any] = {"stages": 1, "stage1__kind": "inception"}
    assert form(options, **shared, stage1__kernel=3) == form(options, **shared, stage1__kernel=5)
    wider = {**shared, "stage1__width": 2}
    assert form(options, **wider, stage1__kernel=3) != form(options, **wider, stage1__kernel=5)


def test_scales_appear_as_a_choice_once_there_are_several() -> None:
    assert "scale" not in SearchSpace.of("cnn", SMALL).tree.by_name
    assert SearchSpace.of("cnn", SMALL, {"scales": [1, 0, 2]}).tree.by_name["scale"].values == (1, 0, 2)


def test_a_scale_changes_depth_width_and_resolution() -> None:
    options: dict[str, Any] = {"scales": [0, 2]}
    small, large = form(options, scale=0), form(options, scale=2)
    assert small["steps_down"] == 2
    assert "steps_down" not in large
    assert {**small, "steps_down": None} == {**form(), "steps_down": None}
    assert large["stem"] == 24
    assert [(stage["depth"], stage["width"]) for stage in large["stages"]] == [(2, 24), (2, 40), (2, 80)]


def test_a_single_scale_is_for_every_network() -> None:
    assert form({"scales": [2]}) == form({"scales": [0, 2]}, scale=2)


def test_narrowed_by_the_user() -> None:
    space = SearchSpace.of("cnn", SMALL, restrictions={"stage2.width": [32, 48], "stages": [2]})
    assert space.tree.by_name["stage2.width"].values == (32, 48)
    assert "stage3.width" not in space.tree.by_name
    with pytest.raises(SpaceError, match=r"stage2\.width: 40 is none of"):
        SearchSpace.of("cnn", SMALL, restrictions={"stage2.width": [40]})


def test_a_skip_that_no_block_can_take_is_dropped() -> None:
    shared: dict[str, Any] = {
        "stages": 2,
        "pooling": "strided",
        "stage2__kind": "plain",
        "stage2__depth": 1,
        "stage2__width": 24,
    }
    assert form(**shared, stage1__width=24, stage2__skip=True) == form(**shared, stage1__width=24, stage2__skip=False)


@pytest.mark.parametrize(
    "change",
    [
        {"stage2__depth": 2},  # the second block can take it
        {"pooling": "max"},  # the first block has no stride and keeps the width
    ],
)
def test_a_skip_that_a_block_can_take_counts(change: dict[str, Any]) -> None:
    shared: dict[str, Any] = {"stages": 2, "pooling": "strided", "stage1__width": 24, "stage2__width": 24}
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
        ({"kinds": ["transformer"]}, "'residual', 'plain'"),
        ({"scales": [-1]}, "greater than or equal to 0"),
    ],
)
def test_options_are_checked(options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        CnnOptions.model_validate(options)


def test_repeated_and_missing_values_are_refused() -> None:
    with pytest.raises(SpaceError, match=r"stage1\.depth: lists a value twice"):
        CnnFamily().choices(CnnOptions(depths=(1, 1)), SMALL)
    with pytest.raises(SpaceError, match=r"stem: needs at least one value"):
        CnnFamily().choices(CnnOptions(stem_widths=()), SMALL)
