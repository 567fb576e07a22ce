"""Whole searches in this process: budgets, spaces that end, failures, other searches in the same store."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import nasflow
from nasflow.engine.door import admit
from nasflow.engine.rounds import propose_round
from nasflow.engine.search import run_rounds, select, train_round
from nasflow.engine.trialling import open_tracker
from nasflow.errors import ConfigError, IntegrityError, SearchError, SpaceError
from nasflow.testing.plugins import installed
from nasflow.testing.rigged import RIGGED
from nasflow.training.events import TrialFinished
from nasflow.trials import Candidate, Entry, History, Status

CARELESS = """
from nasflow.strategies import Proposal
from nasflow.strategies.grid import GridOptions
from nasflow.trials import Candidate


class Careless:
    Options = GridOptions

    def __init__(self, options):
        pass

    def propose(self, problem, history, count):
        numbers = range(len(history), min(len(history) + count, problem.space.size))
        return Proposal(tuple(Candidate(problem.space.at(n), problem.fidelity, origin="careless") for n in numbers))
"""
"""A stranger's strategy that looks at no bounds."""


@pytest.fixture(scope="module", autouse=True)
def _rigged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    from nasflow.training.pool import release

    release()
    folder = tmp_path_factory.mktemp("rigged")
    folder.joinpath("careless.py").write_text(CARELESS)
    with installed(folder, RIGGED | {"strategies": {"careless": "careless:Careless"}}):
        yield
        release()


def rigged(*behaviours: str, widths: int = 1, **changes: Any) -> dict[str, Any]:
    options = {"behaviours": list(behaviours), "widths": [8, 16, 24, 32][:widths], "max_depth": None}
    count = len(behaviours) * widths
    return {
        "space": {"family": "rigged", "options": options},
        "strategy": {"name": "grid", "options": None},
        "budget": {"trials": count, "max_failed_trials": count},
        "final": {"candidates": 1},
        "parallelism": {"round_size": 8},
        **changes,
    }


def by_behaviour(history: Any) -> dict[str, Any]:
    return {entry.trial.architecture.choices["behaviour"]: entry.result for entry in history}


def test_one_or_two_workers_and_any_shards_give_one_history(site: Any, in_process: Any) -> None:
    found = site.search(parallelism={"workers": 1, "shard_size": 2})
    assert found.history.timeless() == in_process.outcome.history.timeless()


def test_raising_the_budget_trains_the_new_trials_only(site: Any) -> None:
    few = site.search(budget={"trials": 4})
    before = site.results()
    more = site.search(budget={"trials": 7})
    assert more.search_id == few.search_id
    assert more.history.timeless()[:4] == few.history.timeless()
    assert len(more.history) == 7
    assert {k: site.results()[k] for k in before} == before
    assert len(site.results()) == 7
    with pytest.raises(ConfigError, match=r"budget\.trials must be at least 7, .* not 4"):
        site.search(budget={"trials": 4})


def test_every_failure_is_recorded_and_the_others_are_as_without_it(site: Any, make_site: Any) -> None:
    bad = ("nan", "raise", "unbuilt", "out_of_memory", "kill", "exit", "hang")
    changes = rigged("good", *bad)
    changes["budget"] |= {"trial_seconds": 4}
    history = site.search(**changes).history
    found = by_behaviour(history)
    expected = {
        "good": Status.COMPLETED,
        "nan": Status.NOT_FINITE,
        "raise": Status.CRASHED,
        "unbuilt": Status.CRASHED,
        "out_of_memory": Status.OUT_OF_MEMORY,
        "kill": Status.CRASHED,
        "exit": Status.CRASHED,
        "hang": Status.TIMED_OUT,
    }
    assert {name: result.status for name, result in found.items()} == expected
    assert all(found[name].cause for name in bad)
    assert "TypeError" in found["raise"].cause
    assert "trial_seconds" in found["hang"].cause
    alone = make_site("alone").search(**rigged("good"))
    assert by_behaviour(alone.history)["good"].timeless() == found["good"].timeless()

    runs = {r.data.tags["nasflow.trial_id"]: r for r in site.runs() if r.data.tags["nasflow.kind"] == "trial"}
    site.accounted(8)
    for entry in history:
        tags = runs[entry.trial.id].data.tags
        assert tags["nasflow.status"] == str(entry.result.status)
        assert tags.get("nasflow.cause", "") == entry.result.cause


def test_recorded_failures_stand_within_a_search(site: Any) -> None:
    changes = rigged("good", "raise", widths=2)
    first = site.search(**changes)
    before = site.results()
    assert site.search(**changes).history.timeless() == first.history.timeless()
    assert site.results() == before


def test_another_search_tries_bad_luck_again_and_leaves_the_first_as_it_was(site: Any) -> None:
    changes = rigged("good", "nan", "raise")
    first = site.search(**changes)
    before = site.results()
    second = site.search(name="other", **changes)
    assert [e.trial.id for e in second.history] == [e.trial.id for e in first.history]
    after = site.results()
    again = {
        e.trial.id for e in first.history if before[f"results/{e.trial.id}.json"] != after[f"results/{e.trial.id}.json"]
    }
    assert again == {e.trial.id for e in first.history if e.result.status is Status.CRASHED}
    assert site.history("small").timeless() == first.history.timeless()
    reused = {
        r.data.tags["nasflow.trial_id"] for r in site.runs("other") if r.data.tags.get("nasflow.reused") == "true"
    }
    assert reused == {e.trial.id for e in first.history} - again
    site.accounted(3, "other")


def test_a_search_that_only_fails_stops_and_counts_the_causes(site: Any) -> None:
    changes = rigged("raise", "nan", widths=4)
    changes["budget"]["max_failed_trials"] = 2
    changes["parallelism"] = {"round_size": 4}
    with pytest.raises(
        SearchError, match=r"4 of 4 trials failed \(.*\), more than budget.max_failed_trials \(2\)"
    ) as told:
        site.search(**changes)
    assert "2 crashed" in str(told.value) or "4 crashed" in str(told.value)
    assert len(site.history()) == 4


def test_a_failure_of_the_last_round_counts_as_well(site: Any) -> None:
    changes = rigged("good", "raise", widths=2)
    changes["budget"]["max_failed_trials"] = 1
    with pytest.raises(SearchError, match=r"2 of 4 trials failed \(2 crashed\)"):
        site.search(**changes)


def test_a_space_that_ends_ends_the_search(site: Any) -> None:
    found = site.search(
        space={
            "options": {"max_depth": 1, "widths": [16], "dropouts": [0.0]},
            "choices": {"activation": ["relu", "tanh"]},
        },
        budget={"trials": 40},
    )
    architectures = [entry.trial.architecture.id for entry in found.history]
    assert len(architectures) == len(set(architectures)) == 6
    assert all(entry.result.status is Status.COMPLETED for entry in found.history)


def test_rejected_trials_count_and_are_not_trained(site: Any) -> None:
    found = site.search(
        strategy={"name": "careless", "options": None},
        space={"options": {"max_depth": 1, "dropouts": [0.0]}, "choices": {"activation": ["relu"]}},
        objectives=["val_accuracy", {"name": "parameters", "less_than": 1500}],
        budget={"trials": 9},
    )
    rejected = [e for e in found.history if e.result.status is Status.REJECTED]
    completed = [e for e in found.history if e.result.status is Status.COMPLETED]
    assert len(found.history) == 9
    assert {e.trial.architecture.choices["layer1.width"] for e in rejected} == {32, 64}
    assert {e.trial.architecture.choices["layer1.width"] for e in completed} == {16}
    for entry in rejected:
        assert entry.result.curve == ()
        assert "parameters" in entry.result.cause
        assert entry.result.finished_at >= site.records().started_at
    site.accounted(9)
    assert {e.trial.id for e in found.best} <= {e.trial.id for e in completed}


def test_nothing_good_enough_is_said(site: Any) -> None:
    expected = r"none of 5 trials completed within the bounds \(val_loss below .*raise budget.trials"
    with pytest.raises(SearchError, match=expected):
        site.search(objectives=["val_accuracy", {"name": "val_loss", "less_than": 0.0001}])
    assert len(site.history()) == 5


def test_bounds_that_no_network_keeps_are_refused_before_anything_is_written(site: Any) -> None:
    with pytest.raises(SpaceError, match=r"none of 2,000 sampled networks would be trained.*below 20"):
        nasflow.search(site.mapping(objectives=["val_accuracy", {"name": "parameters", "less_than": 20}]))
    assert list(site.root.iterdir()) == []


def test_a_second_search_reuses_the_trials_of_the_first(site: Any) -> None:
    first = site.search()
    before = site.results()
    events: list[Any] = []
    second = nasflow.search(site.yaml(name="second"), deliver_model=False, on_event=events.append)
    assert second.search_id != first.search_id
    common = {e.trial.id for e in first.history} & {e.trial.id for e in second.history}
    assert common
    assert {k: site.results()[k] for k in before} == before
    runs = {
        r.data.tags["nasflow.trial_id"]: r.data.tags for r in site.runs("second") if "nasflow.trial_id" in r.data.tags
    }
    for entry in second.history:
        assert (runs[entry.trial.id].get("nasflow.reused") == "true") is (entry.trial.id in common)
    site.accounted(5, "second")
    assert [r for r in site.runs() if r.data.tags.get("nasflow.reused") == "true"] == []


def damaged(site: Any, key: str) -> Path:
    return Path(site.store_folder, key)


@pytest.mark.parametrize("how", ["cut", "altered", "emptied"])
@pytest.mark.parametrize("what", ["result", "batch", "search"])
def test_damaged_documents_are_named_and_never_used(what: str, how: str, site: Any, in_process: Any) -> None:
    import shutil

    shutil.copytree(in_process.site.store_folder, site.store_folder)
    folder = f"searches/{in_process.outcome.search_id}"
    key = {
        "result": f"results/{in_process.outcome.history.entries[1].trial.id}.json",
        "batch": f"{folder}/batches/00000003.json",
        "search": f"{folder}/search.json",
    }[what]
    path = damaged(site, key)
    content = path.read_bytes()
    path.write_bytes(
        {"cut": content[: len(content) // 2], "altered": content.replace(b"1", b"7", 3), "emptied": b""}[how]
    )
    with pytest.raises(IntegrityError) as told:
        site.search(deliver=True, budget={"trials": 6})
    assert key in str(told.value)
    assert "\n" not in str(told.value)
    assert path.read_bytes() != content


def test_prepared_data_are_made_again_where_they_are_gone_or_altered(site: Any) -> None:
    import shutil

    first = site.search(budget={"trials": 3})
    folder = next(site.store_folder.glob("local/data/*"))
    images = max(folder.rglob("*.npy"), key=lambda path: path.stat().st_size)
    content = bytearray(images.read_bytes())
    content[-1] ^= 0xFF
    images.write_bytes(content)
    second = site.search(budget={"trials": 4})
    assert second.search_id == first.search_id
    assert second.history.timeless()[:3] == first.history.timeless()
    assert bytes(images.read_bytes()) != bytes(content)
    shutil.rmtree(folder)
    third = site.search(budget={"trials": 5})
    assert third.history.timeless()[:4] == second.history.timeless()


def test_selection_is_by_validation_best_first(in_process: Any) -> None:
    from nasflow.engine.kept import find_search

    kept = find_search(in_process.site.store, "small")
    history = kept.records.history()

    class Asked:
        config, objectives = kept.request.config, kept.search.objectives

    best = select(Asked, history)  # type: ignore[arg-type]
    assert [e.trial.id for e in best] == [e.trial.id for e in in_process.outcome.best]


def test_a_goal_ends_the_search_with_its_round_whatever_the_workers(site: Any, in_process: Any) -> None:
    whole = in_process.outcome.history
    first = [entry.result.metrics["val_accuracy"] for entry in whole.entries[:3]]
    goal = {"objectives": [{"name": "val_accuracy", "stop_at": max(first)}]}
    found = site.search(**goal, parallelism={"workers": 1})
    assert found.history.timeless() == whole.timeless()[:3]
    again = site.search(**goal)
    assert again.history.timeless() == found.history.timeless()
    raised = site.search(objectives=[{"name": "val_accuracy", "stop_at": 1.0}])
    assert raised.search_id == found.search_id
    assert raised.history.timeless() == whole.timeless()


class Until:
    """A search's clock whose time is over once so many results are there; it counts the questions too."""

    def __init__(self, records: Any, results: int) -> None:
        self.records, self.results, self.looks, self.cold = records, results, 0, True

    def over(self) -> bool:
        return sum(entry.result is not None for entry in self.records.history()) >= self.results

    def look(self) -> None:
        self.looks += 1


def test_trials_that_time_leaves_out_are_no_failures_and_are_trained_first_later(site: Any, in_process: Any) -> None:
    site.ready()
    admitted = admit(site.config(parallelism={"workers": 1}), site.root)
    plan, records = replace(admitted.plan, deadline=time.time() + 3600), admitted.records
    records.begin(plan.request.to_json(), plan.space.to_json(), plan.bundle.root)
    clock: Any = Until(records, 1)
    trials = propose_round(plan, records, 0, clock).trials
    heard: list[Any] = []
    with open_tracker(plan, records) as tracker:
        results = train_round(plan, records, trials, tracker, task="one", clock=clock, listener=heard.append)
        assert 1 <= len(results) < 3
        assert propose_round(plan, records, 1, clock).trials == ()
        assert train_round(plan, records, trials, tracker, task="two", clock=clock) == []
    history = records.history()
    assert history.failed == []
    assert sum(entry.result is None for entry in history) == 3 - len(results)
    assert clock.looks >= 2
    assert [event.trial for event in heard if isinstance(event, TrialFinished)]
    assert [entry.trial.id for entry in select(plan, history)] == [results[0].trial_id][: len(results)]
    assert records.read("pace")["startup"] > 0
    assert records.read("startup") is None  # the workers were there already
    later = site.search(parallelism={"workers": 1})
    assert later.search_id == plan.search_id
    assert later.history.timeless() == in_process.outcome.history.timeless()


def test_where_no_trial_was_over_in_time_the_first_one_proposed_is_selected(site: Any) -> None:
    site.ready()
    admitted = admit(site.config(), site.root)
    plan, records = replace(admitted.plan, deadline=1.0), admitted.records
    records.begin(plan.request.to_json(), plan.space.to_json(), plan.bundle.root)
    first = propose_round(plan, records, 0).trials[0]
    assert [entry.trial for entry in select(plan, records.history())] == [first]
    with pytest.raises(SearchError, match="none of 3 trials completed"):
        select(admitted.plan, records.history())


def test_rounds_stop_with_the_time(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    site.ready()
    admitted = admit(site.config(), site.root)
    plan, records = replace(admitted.plan, deadline=time.time() - 1), admitted.records
    config = plan.config.model_copy(update={"budget": plan.config.budget.model_copy(update={"hours": 0.1})})
    plan = replace(plan, request=replace(plan.request, config=config))
    records.begin(plan.request.to_json(), plan.space.to_json(), plan.bundle.root)
    with open_tracker(plan, records) as tracker:
        history = run_rounds(plan, records, tracker)
    assert [entry.result for entry in history] == [None, None, None]
    assert site.results() == {}


def test_a_network_that_fails_is_not_selected(planned: Any, fragile: Any) -> None:
    plan = replace(planned(space=fragile), deadline=1.0)
    entries = [Entry(plan.trial(Candidate(plan.space.at(number), plan.fidelity)), None) for number in (0, 1)]
    assert select(plan, History(entries)) == entries[1:]
