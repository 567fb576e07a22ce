"""Many trials at once, and every way in which one can fail; all with real processes."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import psutil
import pytest

from nasflow.errors import IntegrityError, PluginError, SearchError
from nasflow.spaces import Architecture
from nasflow.storage.documents import read_json
from nasflow.training import crew
from nasflow.training.bench import Bench
from nasflow.training.events import EpochFinished, Event, TrialFinished, TrialStarted
from nasflow.training.job import result_key
from nasflow.training.loop import train
from nasflow.training.pool import Costs, run_trials
from nasflow.trials import Status


def workers() -> list[psutil.Process]:
    """Processes that were forked from launchers of this one."""
    return [worker for launcher in psutil.Process().children() for worker in launcher.children()]


def kill_worker() -> Callable[[Event], None]:
    """Return a listener that kills the workers once, after the first epoch it hears of."""
    once = iter([True])

    def listen(event: Event) -> None:
        if isinstance(event, EpochFinished) and next(once, False):
            for worker in workers():
                worker.kill()

    return listen


class TestResults:
    def test_in_the_order_given_and_in_the_store(self, lab):
        trials = [lab.trial("good", width=width) for width in (8, 32, 16)]
        results = lab.run(trials)
        assert [result.trial_id for result in results] == [trial.id for trial in trials]
        assert all(result.status is Status.COMPLETED for result in results)
        assert [read_json(lab.store, result_key(trial.id)) for trial in trials] == [r.to_json() for r in results]

    def test_have_metrics_costs_and_curve(self, lab):
        (result,) = lab.run([lab.trial("good", epochs=12, width=32)])
        assert set(result.metrics) == {
            "val_accuracy",
            "val_balanced_accuracy",
            "val_macro_f1",
            "val_loss",
            "train_loss",
            "parameters",
            "flops",
            "train_seconds",
        }
        assert result.metrics["parameters"] == 64 * 32 + 3 * 32 + 32 * 10 + 10
        assert [point.epoch for point in result.curve] == list(range(1, 13))
        by_epoch = {"train_loss", "val_loss", "val_accuracy", "val_balanced_accuracy", "val_macro_f1", "learning_rate"}
        assert all(set(point.metrics) == by_epoch for point in result.curve)
        spans = [(point.started_at, point.finished_at) for point in result.curve]
        assert all(start < end for start, end in spans)
        assert result.metrics["train_seconds"] == sum(end - start for start, end in spans)
        assert result.started_at <= spans[0][0] <= spans[-1][1] <= result.finished_at
        assert result.metrics["val_accuracy"] > 0.5
        assert result.device.startswith("cpu-")
        assert result.cause == ""

    def test_do_not_depend_on_the_number_of_workers_or_the_order(self, lab):
        trials = [lab.trial("good", width=width) for width in (8, 16, 24, 32)] + [lab.trial("nan", step=7)]
        one = lab.other("one", parallelism={"workers": 1}).run(trials)
        three = lab.other("three", parallelism={"workers": 3}).run(trials[::-1])
        assert lab.timeless(one) == lab.timeless(three[::-1])

    def test_are_reused(self, lab):
        trials = [lab.trial("good"), lab.trial("raise")]
        first = lab.run(trials)
        events: list[Event] = []
        assert lab.run([*trials, lab.trial("good", width=16)], events)[:2] == first
        reused = {e.trial.id: e.reused for e in events if isinstance(e, TrialFinished)}
        assert [reused[trial.id] for trial in trials] == [True, True]
        assert list(reused.values()).count(False) == 1
        assert len([e for e in events if isinstance(e, TrialStarted)]) == 1

    def test_a_failure_is_tried_again_only_where_asked(self, lab):
        trials = [lab.trial("raise"), lab.trial("nan")]
        first = lab.run(trials)
        events: list[Event] = []
        again = lab.run(trials, events, retry=frozenset({Status.CRASHED}))
        assert [e.trial_id for e in events if isinstance(e, TrialStarted)] == [trials[0].id]
        assert again[0].started_at > first[0].started_at
        assert again[1] == first[1]

    def test_the_same_trial_twice_is_trained_once(self, lab):
        events: list[Event] = []
        first, second = lab.run([lab.trial("good"), lab.trial("good")], events)
        assert first == second
        assert len([e for e in events if isinstance(e, TrialStarted)]) == 1

    def test_no_trials_no_results_no_processes(self, lab):
        before = psutil.Process().children()
        assert lab.run([]) == []
        assert psutil.Process().children() == before

    def test_a_damaged_result_is_an_error(self, lab):
        trial = lab.trial("good")
        lab.store.put(result_key(trial.id), b"{")
        with pytest.raises(IntegrityError, match=trial.id):
            lab.run([trial])


class TestEvents:
    def test_come_in_order_for_each_trial(self, lab):
        trials = [lab.trial("good", epochs=3, width=width) for width in (8, 16, 24)]
        events: list[Event] = []
        results = lab.run(trials, events)
        for trial, result in zip(trials, results, strict=True):
            started, *epochs, end = [
                e for e in events if (e.trial.id if isinstance(e, TrialFinished) else e.trial_id) == trial.id
            ]
            assert isinstance(started, TrialStarted)
            assert started.resumed_epoch == 0
            assert tuple(e.point for e in epochs) == result.curve
            assert end == TrialFinished(trial, result, reused=False)

    def test_the_longest_trial_starts_first(self, lab):
        trials = [lab.trial("good", epochs=epochs, width=width) for epochs, width in ((1, 8), (2, 32), (3, 16), (2, 8))]
        events: list[Event] = []
        lab.other("one", parallelism={"workers": 1}).run(trials, events)
        started = [e.trial_id for e in events if isinstance(e, TrialStarted)]
        assert started == [trials[i].id for i in (1, 2, 3, 0)]
        costs = Costs(lab.job)
        assert [costs.work(t) for t in trials] == [t.fidelity.epochs * costs.of(t).flops for t in trials]

    def test_a_result_is_in_the_store_before_it_is_told(self, lab):
        seen: list[bool] = []

        def listen(event: Event) -> None:
            if isinstance(event, TrialFinished):
                seen.append(lab.store.get(result_key(event.trial.id)) is not None)

        run_trials([lab.trial("good"), lab.trial("raise"), lab.trial("exit")], lab.job, listen)
        assert seen == [True] * 3

    def test_an_exception_of_the_listener_ends_the_workers(self, lab):
        def listen(event: Event) -> None:
            if isinstance(event, TrialStarted):
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            run_trials([lab.trial("hang"), lab.trial("hang", width=16)], lab.job, listen)
        assert workers() == []
        assert lab.store.get(result_key(lab.trial("hang").id)) is None


class TestDevice:
    def test_of_another_kind_than_planned_trains_nothing(self, lab):
        trial = lab.trial("good")
        job = replace(lab.job, device_kind="cuda-of another world")
        with pytest.raises(SearchError, match=r"planned for device kind 'cuda-of another world'.*trains on 'cpu-"):
            run_trials([trial], job, lambda event: None)
        assert lab.store.get(result_key(trial.id)) is None


FAILURES = {
    "nan": (Status.NOT_FINITE, r"the training loss became NaN in epoch 2, step 3"),
    "raise": (Status.CRASHED, r"TypeError: rigged: of the wrong type \(testing/rigged_model\.py:\d+\)"),
    "unbuilt": (Status.CRASHED, r"ValueError: rigged: cannot be built \(testing/rigged\.py:\d+\)"),
    "out_of_memory": (
        Status.OUT_OF_MEMORY,
        r"the memory did not suffice: RuntimeError: .*DefaultCPUAllocator.*; "
        r"batches of 256 were cut into up to 8 parts, of 32 samples",
    ),
    "kill": (
        Status.CRASHED,
        r"its worker process was killed by signal 9 \(SIGKILL\) in epoch 2; the system does so when memory runs out",
    ),
    "segfault": (Status.CRASHED, r"its worker process was killed by signal 11 \(SIGSEGV\) in epoch 2"),
    "exit": (Status.CRASHED, r"its worker process ended with exit code 7 in epoch 2"),
}


class TestFailures:
    def test_each_is_recorded_with_its_cause_and_the_others_are_untouched(self, lab):
        good = [lab.trial("good", width=width) for width in (8, 16, 24)]
        bad = {behaviour: lab.trial(behaviour, epochs=3, step=8) for behaviour in FAILURES}
        alone = lab.other("alone").run(good)
        mixed = lab.run([*good[:1], *bad.values(), *good[1:]])
        assert lab.timeless([mixed[0], *mixed[-2:]]) == lab.timeless(alone)
        for (behaviour, (status, cause)), result in zip(FAILURES.items(), mixed[1:-2], strict=True):
            assert result.status is status, behaviour
            assert re.fullmatch(cause, result.cause), result.cause
            # Eight parts are eight passes through the network, so that it fails in the first epoch already.
            assert len(result.curve) == (0 if behaviour in ("unbuilt", "out_of_memory") else 1), behaviour
            assert {"parameters", "flops", "train_seconds"} == set(result.metrics)
            assert read_json(lab.store, result_key(result.trial_id)) == result.to_json()
        assert lab.checkpoints() == []

    def test_a_hanging_trial_times_out(self, lab):
        lab = lab.other("limited", budget={"trial_seconds": 2.5})
        trials = [lab.trial("hang", epochs=3, step=8), lab.trial("good"), lab.trial("hang", width=16)]
        after_one, good, at_once = lab.run(trials)
        assert good.status is Status.COMPLETED
        assert after_one.status is at_once.status is Status.TIMED_OUT
        assert after_one.cause == "it took longer than budget.trial_seconds, 2.5 seconds"
        assert [len(after_one.curve), len(at_once.curve)] == [1, 0]

    def test_the_memory_watch_ends_what_takes_too_much_and_spares_the_others(self, lab):
        lab = lab.other("watched", resources={"memory_gib": 1.0})
        trials = [lab.trial("hoard", epochs=30), lab.trial("slow", epochs=2)]
        events: list[Event] = []
        hoard, slow = lab.run(trials, events)
        assert slow.status is Status.COMPLETED
        assert hoard.status is Status.OUT_OF_MEMORY
        assert hoard.cause == (
            "it needed more memory than the 1.00 GiB that a training task may use; "
            "batches of 256 were cut into up to 8 parts, of 32 samples"
        )
        starts = [e for e in events if isinstance(e, TrialStarted) and e.trial_id == trials[0].id]
        assert 4 <= len(starts) <= 5  # perhaps beside a neighbour, then alone, then in 2, 4 and 8 parts

    def test_a_trial_that_does_not_fit_is_trained_in_parts(self, lab):
        """About 250 samples a batch take 1.5 GiB at once, 125 half of it, to which the process itself adds some."""
        tight = lab.other("tight", resources={"memory_gib": 1.2}, parallelism={"workers": 1})
        trial = lab.trial("greedy")
        events: list[Event] = []
        (result,) = tight.run([trial], events)
        assert result.status is Status.COMPLETED
        assert result.metrics["accumulation"] == 2
        assert [e.resumed_epoch for e in events if isinstance(e, TrialStarted)] == [0, 0]
        assert tuple(e.point for e in events if isinstance(e, EpochFinished)) == result.curve
        assert "accumulation" not in lab.run([trial])[0].metrics

    def test_one_that_is_cut_late_begins_anew(self, lab):
        """It fails in its second epoch, whose first one had whole batches; the curve has none of that."""
        lab = lab.other("tight", resources={"memory_gib": 1.2}, parallelism={"workers": 1})
        late = lab.trial("greedy", step=7)
        events: list[Event] = []
        (result,) = lab.run([late], events)
        assert result.metrics["accumulation"] == 2
        epochs = [e.point for e in events if isinstance(e, EpochFinished)]
        assert [point.epoch for point in epochs] == [1, 1, 2]
        assert result.curve == tuple(epochs[1:])
        bench = Bench.open(lab.other("same").job)
        assert train(late, bench, lambda event: None, 2).timeless() == result.timeless()

    def test_one_that_the_system_kills_for_memory_is_tried_in_parts_too(self, lab, monkeypatch):
        kills = iter(range(100))
        monkeypatch.setattr(crew, "memory_kills", lambda: next(kills))
        events: list[Event] = []
        (result,) = lab.run([lab.trial("kill")], events)
        assert result.status is Status.OUT_OF_MEMORY
        assert result.cause == (
            "its worker process was killed by signal 9 (SIGKILL) in epoch 1, since the system ran out of memory; "
            "batches of 256 were cut into up to 8 parts, of 32 samples"
        )
        assert len([e for e in events if isinstance(e, TrialStarted)]) == 5  # twice whole, then in 2, 4 and 8 parts

    def test_an_unknown_family_is_an_error_of_the_user(self, lab):
        with pytest.raises(PluginError, match=r"'riged' is none of the known families.*Did you mean 'rigged'"):
            lab.run([lab.trial(Architecture("riged", {}, {}))])

    def test_missing_data_is_an_error_not_a_result(self, lab, tmp_path):
        trial = lab.trial("good")
        with pytest.raises(IntegrityError, match=r"bundle\.json is missing"):
            run_trials([trial], replace(lab.job, bundle=tmp_path / "gone"), lambda event: None)
        assert lab.store.get(result_key(trial.id)) is None


class TestKilledWorkers:
    def test_a_trial_whose_worker_somebody_kills_goes_on_to_the_same_result(self, lab):
        trials = [lab.trial("good", epochs=40), lab.trial("good", epochs=40, width=16)]
        undisturbed = lab.other("undisturbed").run(trials)
        events: list[Event] = []
        kill = kill_worker()

        def listen(event: Event) -> None:
            events.append(event)
            kill(event)

        results = run_trials(trials, lab.job, listen)
        assert lab.timeless(results) == lab.timeless(undisturbed)
        resumed = [e.resumed_epoch for e in events if isinstance(e, TrialStarted)]
        assert len(resumed) > 2
        assert max(resumed) >= 1
        assert lab.checkpoints() == []

    def test_a_worker_killed_while_it_has_nothing_to_do_is_replaced(self, lab):
        trials = [lab.trial("slow", epochs=3), lab.trial("good", width=32, epochs=1)]

        def listen(event: Event) -> None:
            if isinstance(event, TrialFinished):
                for worker in workers():
                    worker.kill()

        assert [r.status for r in run_trials(trials, lab.job, listen)] == [Status.COMPLETED] * 2


class TestWeights:
    def test_stay_where_asked_else_go(self, lab):
        trials = [lab.trial("good"), lab.trial("nan", step=7)]
        for result in lab.run(trials):
            assert result.checkpoint is None
        assert lab.checkpoints() == []
        kept = replace(lab, root=lab.root / "kept", keep_weights=True)
        good, nan = kept.run(trials)
        assert kept.checkpoints() == [good.checkpoint] == [f"checkpoints/{trials[0].id}.safetensors"]
        assert nan.checkpoint is None

    def test_a_result_without_its_weights_is_trained_again(self, lab):
        trial = lab.trial("good")
        first = lab.run([trial])
        kept = replace(lab, keep_weights=True)
        events: list[Event] = []
        again = kept.run([trial], events)
        assert any(isinstance(e, TrialStarted) for e in events)
        assert lab.timeless(again) == lab.timeless(first)
        assert kept.checkpoints() == [again[0].checkpoint]
        assert kept.run([trial]) == again


class TestStopping:
    def test_leaves_what_is_under_way_and_keeps_what_is_done(self, lab):
        one = lab.other("one", parallelism={"workers": 1})
        trials = [one.trial("good", width=width) for width in (32, 16, 8)]
        events: list[Event] = []
        done = lambda: any(isinstance(event, TrialFinished) for event in events)  # noqa: E731
        results = one.run(trials, events, stop=done)
        assert [result.trial_id for result in results] == [trial.id for trial in trials][: len(results)]
        assert 1 <= len(results) < 3
        again = one.run(trials)
        assert [r.trial_id for r in again] == [trial.id for trial in trials]
        whole = lab.other("whole").run(trials)
        assert lab.timeless(again) == lab.timeless(whole)

    def test_a_result_that_is_in_the_store_already_is_told(self, lab):
        trial = lab.trial("good")
        written = lambda: read_json(lab.store, result_key(trial.id)) is not None  # noqa: E731
        events: list[Event] = []
        (result,) = lab.run([trial], events, stop=written)
        assert result.status is Status.COMPLETED
        assert [event.result for event in events if isinstance(event, TrialFinished)] == [result]

    def test_before_the_beginning_trains_nothing(self, lab):
        assert lab.run([lab.trial("good")], stop=lambda: True) == []
        assert lab.checkpoints() == []

    def test_a_worker_that_hangs_is_ended(self, lab):
        events: list[Event] = []
        started = lambda: any(isinstance(event, TrialStarted) for event in events)  # noqa: E731
        assert lab.run([lab.trial("hang")], events, stop=started) == []
        (result,) = lab.run([lab.trial("good")])
        assert result.status is Status.COMPLETED
