from __future__ import annotations

from dataclasses import replace

import pytest

from nasflow.config import SearchConfig
from nasflow.testing.rigged import rigged
from nasflow.training import identity
from nasflow.training.identity import trial_context, trial_of
from nasflow.trials import Candidate, Fidelity

BASE = {"name": "digits", "data": "sklearn:digits"}
CANDIDATE = Candidate(rigged("good"), Fidelity(2, 2))


def context(fingerprint: str = "f", device: str = "cpu-AVX2", **sections: object) -> str:
    return trial_context(SearchConfig.model_validate(BASE | sections), fingerprint, device)


class TestContext:
    @pytest.mark.parametrize(
        "change",
        [
            {"training": {"momentum": 0.8}},
            {"training": {"learning_rate": 0.05}},
            {"training": {"augment": {"flip": True}}},
            {"parallelism": {"threads": 2}},
            {"fingerprint": "g"},
            {"device": "cpu-AVX512"},
        ],
    )
    def test_changes_with_what_changes_a_result(self, change):
        assert context(**change) != context()

    @pytest.mark.parametrize(
        "change",
        [
            {"name": "other"},
            {"seed": 3},
            {"budget": {"trials": 99, "trial_seconds": 5.0}},
            {"parallelism": {"workers": 7, "round_size": 3, "shard_size": 2}},
            {"fidelity": {"epochs": 3}},
            {"storage": {"url": "elsewhere"}},
            {"resources": {"memory_gib": 1.0}},
            {"resources": {"accelerator": {"count": 2}, "spot": "gke", "env": {"A": "b"}}},
            {"strategy": "random"},
            {"final": {"epochs": 9}},
        ],
    )
    def test_does_not_change_with_anything_else(self, change):
        assert context(**change) == context()

    def test_changes_with_the_version_of_the_code(self, monkeypatch):
        before = context()
        monkeypatch.setattr(identity, "TRAINING_VERSION", identity.TRAINING_VERSION + 1)
        assert context() != before


class TestTrial:
    def test_is_the_same_wherever_it_is_proposed(self):
        first = trial_of(CANDIDATE, 0, "c")
        second = trial_of(replace(CANDIDATE, parents=("a", "b"), origin="mutation"), 0, "c")
        assert (first.id, first.seed) == (second.id, second.seed)
        assert (second.parents, second.origin) == (("a", "b"), "mutation")

    @pytest.mark.parametrize("search_seed", [0, 1, 2**31 - 1])
    def test_has_a_seed_from_search_architecture_and_purpose(self, search_seed):
        base = trial_of(CANDIDATE, search_seed, "c")
        others = [
            trial_of(CANDIDATE, search_seed + 1, "c"),
            trial_of(replace(CANDIDATE, architecture=rigged("good", 16)), search_seed, "c"),
            trial_of(CANDIDATE, search_seed, "c", "final"),
        ]
        assert len({base.seed, *(trial.seed for trial in others)}) == 4
        assert all(0 <= trial.seed < 2**63 for trial in (base, *others))

    def test_has_a_seed_that_more_training_does_not_change(self):
        more = replace(CANDIDATE, fidelity=Fidelity(9, 9))
        assert trial_of(more, 0, "c").seed == trial_of(CANDIDATE, 0, "c").seed
        assert trial_of(more, 0, "c").id != trial_of(CANDIDATE, 0, "c").id
