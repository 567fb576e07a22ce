"""Admission: what is checked before anything is written, and which search it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nasflow.config import SearchConfig
from nasflow.engine.door import admit, outlook
from nasflow.engine.lease import Holder, hold
from nasflow.errors import DataError, HeldError, SpaceError, UserError


def config(folder: Path, **sections: Any) -> SearchConfig:
    base = {"name": "door", "data": "sklearn:digits", "space": "mlp", "storage": {"url": str(folder / "store")}}
    return SearchConfig.model_validate(base | sections)


def test_the_outlook_writes_nothing(tmp_path: Path) -> None:
    found = outlook(config(tmp_path), tmp_path)
    assert (sum(found.summary.counts), found.summary.size, found.summary.channels) == (1797, 8, 1)
    assert found.space.family == "mlp"
    assert [objective.name for objective in found.objectives] == ["val_accuracy"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("sections", "error", "words"),
    [
        ({"data": "nowhere"}, DataError, "nowhere"),
        ({"space": {"family": "mlp", "choices": {"depths": [1]}}}, SpaceError, "depth"),
        ({"space": {"family": "mlp", "constraints": {"parameters": {"less_than": 3}}}}, SpaceError, "parameters"),
    ],
)
def test_what_cannot_be_searched_is_refused_and_nothing_written(
    tmp_path: Path, sections: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        admit(config(tmp_path, **sections), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_device_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(UserError, match=r"^resources\.device is 'cuda', but .*") as told:
        admit(config(tmp_path, resources={"device": "cuda"}), tmp_path)
    assert "\n" not in str(told.value)
    assert list(tmp_path.iterdir()) == []


def test_admitted_twice_it_is_the_same_search_and_the_device_is_asked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, int]] = []
    first = admit(config(tmp_path), tmp_path, on_progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (1797, 1797)
    assert first.plan.request.device_kind.startswith(("cpu-", "cuda-"))
    assert first.records.description() is None  # it has not begun

    def refused(*arguments: Any, **options: Any) -> None:
        raise AssertionError("asked again")

    monkeypatch.setattr("subprocess.Popen", refused)
    second = admit(config(tmp_path), tmp_path)
    assert second.plan.search_id == first.plan.search_id
    assert second.plan.bundle.root == first.plan.bundle.root


def begin(admitted: Any) -> None:
    plan = admitted.plan
    admitted.records.begin(plan.request.to_json(), plan.space.to_json(), plan.bundle.root)


def test_anew_is_the_next_generation_once_the_present_one_has_begun(tmp_path: Path) -> None:
    asked = config(tmp_path)
    assert admit(asked, tmp_path, anew=True).plan.request.generation == 0
    begin(admit(asked, tmp_path))
    first = admit(asked, tmp_path, anew=True)
    assert first.plan.request.generation == 1
    assert admit(asked, tmp_path, anew=True).plan.request.generation == 1  # it has not begun yet
    begin(first)
    assert admit(asked, tmp_path).plan.search_id == first.plan.search_id
    assert admit(asked, tmp_path, anew=True).plan.request.generation == 2


def test_a_running_search_is_not_started_anew(tmp_path: Path) -> None:
    asked = config(tmp_path)
    admitted = admit(asked, tmp_path)
    begin(admitted)
    records = admitted.records
    with hold(records.store, f"{records.folder}/lease.json", Holder.here("somebody's command")):
        with pytest.raises(HeldError, match=r"search 'door' is held by .*somebody's command"):
            admit(asked, tmp_path, anew=True)
        assert admit(asked, tmp_path).plan.request.generation == 0
    assert admit(asked, tmp_path, anew=True).plan.request.generation == 1


@pytest.mark.parametrize(
    ("section", "limits"),
    [("objectives", ["val_accuracy", {"name": "flops", "less_than": 1e9}]), ("strategy", "random")],
)
def test_a_network_that_fails_does_not_close_the_door(
    tmp_path: Path, fragile: dict[str, Any], section: str, limits: Any
) -> None:
    only = {**fragile, "choices": {**fragile["choices"], "d": [1]}}
    assert outlook(config(tmp_path, space=fragile, **{section: limits}), tmp_path).space.size == 3
    with pytest.raises(SpaceError, match="the last one was rejected, since its family fails at it"):
        outlook(config(tmp_path, space=only, **{section: limits}), tmp_path)
