from __future__ import annotations

from dataclasses import replace

import pytest

from nasflow.errors import IntegrityError
from nasflow.training.job import checkpoint_key, result_key
from nasflow.training.results import record, standing
from nasflow.trials import Status, TrialResult

DONE = TrialResult("t", Status.COMPLETED, {"val_accuracy": 0.5}, started_at=1.0, finished_at=2.0, device="cpu-x")
FAILED = TrialResult("t", Status.CRASHED, cause="TypeError")


class TestRecord:
    def test_the_first_one_stands(self, lab):
        assert record(lab.store, DONE, keep_weights=False) == DONE
        assert record(lab.store, FAILED, keep_weights=False) == DONE
        assert standing(lab.store, "t", keep_weights=False) == DONE

    @pytest.mark.parametrize(
        ("result", "keep", "kept"), [(DONE, True, True), (DONE, False, False), (FAILED, True, False)]
    )
    def test_weights_stay_only_where_asked_and_complete(self, lab, result, keep, kept):
        lab.store.put(checkpoint_key("t"), b"weights")
        assert record(lab.store, result, keep).checkpoint == (checkpoint_key("t") if kept else None)
        assert (lab.store.get(checkpoint_key("t")) == b"weights") is kept

    def test_the_weights_of_a_result_that_stands_stay(self, lab):
        lab.store.put(checkpoint_key("t"), b"weights")
        first = record(lab.store, DONE, keep_weights=True)
        assert record(lab.store, DONE, keep_weights=False) == first
        assert lab.store.get(checkpoint_key("t")) == b"weights"


class TestStanding:
    def test_nothing_stands_at_first(self, lab):
        assert standing(lab.store, "t", keep_weights=False) is None

    def test_a_failure_stands_unless_it_is_to_be_tried_again(self, lab):
        record(lab.store, FAILED, keep_weights=False)
        assert standing(lab.store, "t", keep_weights=False, retry={Status.TIMED_OUT}) == FAILED
        assert standing(lab.store, "t", keep_weights=False, retry={Status.CRASHED}) is None
        assert lab.store.get(result_key("t")) is None

    def test_a_result_whose_weights_are_needed_and_gone_does_not(self, lab):
        lab.store.put(checkpoint_key("t"), b"weights")
        record(lab.store, DONE, keep_weights=True)
        assert standing(lab.store, "t", keep_weights=True) is not None
        lab.store.delete(checkpoint_key("t"))
        assert standing(lab.store, "t", keep_weights=True) is None

    def test_a_failure_needs_no_weights(self, lab):
        record(lab.store, FAILED, keep_weights=True)
        assert standing(lab.store, "t", keep_weights=True) == FAILED

    def test_a_checkpoint_left_behind_goes(self, lab):
        record(lab.store, DONE, keep_weights=False)
        lab.store.put(checkpoint_key("t"), b"left by a process that died")
        assert standing(lab.store, "t", keep_weights=False) == replace(DONE, checkpoint=None)
        assert lab.checkpoints() == []

    def test_a_damaged_one_is_an_error(self, lab):
        record(lab.store, DONE, keep_weights=False)
        content = lab.store.get(result_key("t"))
        lab.store.put(result_key("t"), content.replace(b"0.5", b"0.9"))
        with pytest.raises(IntegrityError, match=r"results/t\.json"):
            standing(lab.store, "t", keep_weights=False)
