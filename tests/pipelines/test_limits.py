"""What the backend would refuse is refused before, with the change that fits."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from nasflow.config import SearchConfig
from nasflow.engine.request import Request
from nasflow.errors import UserError
from nasflow.pipelines.search import compiling, limits
from nasflow.pipelines.search.compiling import compile_search
from nasflow.pipelines.search.limits import (
    LARGEST_SPEC,
    LONGEST_PARAMETER,
    MOST_SHARDS,
    check_parameter,
    check_shards,
    check_size,
    shards_at_once,
)


def config(trials: int, **sections: Any) -> SearchConfig:
    return SearchConfig.model_validate(
        {"name": "limits", "data": "sklearn:digits", "budget": {"trials": trials}} | sections
    )


@pytest.mark.parametrize(
    ("trials", "sizes", "count"),
    [
        (24, {}, 1),
        (24, {"shard_size": 1}, 8),
        (24, {"shard_size": 3}, 3),
        (5, {"shard_size": 1}, 5),
        (64, {"round_size": 64, "shard_size": 1}, 64),
    ],
)
def test_shards_at_once(trials: int, sizes: dict[str, int], count: int) -> None:
    assert shards_at_once(config(trials, parallelism={"round_size": 8} | sizes)) == count


def test_a_loop_has_at_most_so_many_members() -> None:
    check_shards(config(MOST_SHARDS, parallelism={"round_size": MOST_SHARDS, "shard_size": 1}))
    with pytest.raises(
        UserError, match=r"a round has 476 shards, .* breaks past 475: set parallelism.shard_size to at"
    ):
        check_shards(config(476, parallelism={"round_size": 476, "shard_size": 1}))


@pytest.mark.parametrize("size", [476, 950, 951, 10_000])
def test_the_shard_size_that_is_named_fits(size: int) -> None:
    sizes = {"round_size": size, "shard_size": 1}
    with pytest.raises(UserError) as told:
        check_shards(config(size, parallelism=sizes))
    least = int(re.findall(r"at least (\d+)\.$", str(told.value))[0])
    check_shards(config(size, parallelism=sizes | {"shard_size": least}))
    with pytest.raises(UserError):
        check_shards(config(size, parallelism=sizes | {"shard_size": least - 1}))


def request(**sections: Any) -> Request:
    return Request(config(24, **sections), Path("/"), "cpu-test")


def test_a_parameter_has_at_most_so_many_bytes() -> None:
    room = LONGEST_PARAMETER - len(request(tracking={"experiment": "x"}).to_json()) + 1
    check_parameter(request(tracking={"experiment": "x" * room}))
    with pytest.raises(UserError) as told:
        check_parameter(request(tracking={"experiment": "x" * (room + 5)}))
    assert str(told.value) == (
        "the configuration takes 10,005 bytes as a parameter, and Kubeflow Pipelines keeps 10,000: "
        f"shorten tracking.experiment, which takes {room + 7:,} of them, by 5 at least."
    )


def test_the_longest_part_of_the_configuration_is_named() -> None:
    layers = [{"conv": {"width": list(range(1, 400))}}] * 9
    with pytest.raises(UserError, match=r"shorten space\.options, which takes"):
        check_parameter(request(space={"family": "layers", "options": {"layers": layers}}))
    with pytest.raises(UserError, match=r"shorten space\.choices, which takes"):
        check_parameter(request(space={"family": "mlp", "choices": {"layer1.width": list(range(3000))}}))
    with pytest.raises(UserError, match=r"shorten objectives, which takes"):
        check_parameter(request(objectives=[f"o{'x' * 200}{n}" for n in range(60)]))


def test_a_pipeline_has_at_most_so_many_bytes() -> None:
    check_size(config(800), LARGEST_SPEC, 40_000)
    with pytest.raises(UserError, match=r"the pipeline of 200 rounds has 2,428,000 bytes, and Kubernetes keeps about"):
        check_size(config(1600), 40_000 + 199 * 12_000, 40_000)


def test_a_single_round_is_too_large_for_another_reason() -> None:
    with pytest.raises(UserError, match=r"shorten resources \(annotations, env, labels\), which every task repeats\.$"):
        check_size(config(8), LARGEST_SPEC + 1, LARGEST_SPEC + 1)


def test_the_round_size_and_the_hours_that_are_named_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a limit of three and a half rounds, since hundreds of them take seconds to compile."""
    target = tmp_path / "pipeline.yaml"
    sizes = []
    for rounds in (1, 2):
        compile_search(config(8 * rounds), tmp_path, target, "cpu-test")
        sizes.append(target.stat().st_size)
        target.unlink()
    each = sizes[1] - sizes[0]
    largest = sizes[0] + 2 * each + each // 2
    for module in (limits, compiling):
        monkeypatch.setattr(module, "LARGEST_SPEC", largest)
    with pytest.raises(UserError) as told:
        compile_search(config(40), tmp_path, target, "cpu-test")
    assert list(tmp_path.iterdir()) == []
    least = int(re.findall(r"round_size to at least (\d+)", str(told.value))[0])
    compile_search(config(40, parallelism={"round_size": least}), tmp_path, target, "cpu-test")
    assert largest - each < target.stat().st_size <= largest
    compile_search(config(40, budget={"trials": 40, "hours": 0.07}), tmp_path, target, "cpu-test")
    assert target.stat().st_size < largest - each


def test_too_many_shards_are_refused_when_compiling(tmp_path: Path) -> None:
    asked = config(500, parallelism={"round_size": 500, "shard_size": 1})
    with pytest.raises(UserError, match=r"set parallelism\.shard_size to at least 2\.$"):
        compile_search(asked, tmp_path, tmp_path / "pipeline.yaml", "cpu-test")
    assert list(tmp_path.iterdir()) == []
