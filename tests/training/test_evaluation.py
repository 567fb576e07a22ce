from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from nasflow.errors import IntegrityError
from nasflow.testing.rigged import rigged
from nasflow.training.checkpoint import Progress, pack, unpack
from nasflow.training.evaluation import evaluate, load_network, predict
from nasflow.training.job import checkpoint_key


@pytest.fixture
def trained(lab):
    """A lab that keeps weights, with a finished trial and its result."""
    lab = replace(lab, keep_weights=True)
    trial = lab.trial("good", epochs=4)
    return lab, trial, lab.run([trial])[0]


def test_what_was_kept_says_what_training_measured(trained):
    lab, trial, result = trained
    metrics, probabilities = evaluate(trial, lab.job, "val")
    assert metrics == {name: value for name, value in result.metrics.items() if name.startswith("val_")}
    right = probabilities.argmax(1) == lab.bundle.targets("val")
    assert metrics["val_accuracy"] == pytest.approx(right.mean())


def test_probabilities_of_every_split(trained):
    lab, trial, _ = trained
    for split in ("train", "val", "test"):
        probabilities = predict(trial, lab.job, split)
        assert probabilities.shape == (lab.bundle.counts[split], 10)
        assert probabilities.dtype == np.float32
        assert np.allclose(probabilities.sum(1), 1, atol=1e-5)


def test_test_metrics_carry_their_split(trained):
    lab, trial, _ = trained
    names = set(evaluate(trial, lab.job, "test")[0])
    assert names == {"test_accuracy", "test_balanced_accuracy", "test_macro_f1", "test_loss"}


def test_the_process_keeps_its_threads(trained):
    lab, trial, _ = trained
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        predict(trial, lab.job, "val")
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_the_network_answers_for_single_images(trained):
    lab, trial, _ = trained
    network = load_network(trial, lab.job)
    assert not network.training
    images = torch.from_numpy(np.array(lab.bundle.images("val")[:3])).permute(0, 3, 1, 2)
    with torch.no_grad():
        together, alone = network(images), torch.cat([network(image[None]) for image in images])
    torch.testing.assert_close(together, alone)


class TestWeightsThatCannotBeHad:
    def test_gone(self, trained):
        lab, trial, _ = trained
        lab.store.delete(checkpoint_key(trial.id))
        with pytest.raises(IntegrityError, match=f"checkpoints/{trial.id}.* not in the store .*train the trial again"):
            load_network(trial, lab.job)

    def test_damaged(self, trained):
        lab, trial, _ = trained
        lab.store.put(checkpoint_key(trial.id), b"no weights")
        with pytest.raises(IntegrityError, match="cut or altered"):
            load_network(trial, lab.job)

    def test_of_a_training_under_way(self, trained):
        lab, trial, _ = trained
        progress, parts = unpack("", lab.store.get(checkpoint_key(trial.id)))
        early = Progress(trial.id, progress.curve[:2], {}, 0.0)
        lab.store.put(checkpoint_key(trial.id), pack(early, parts))
        with pytest.raises(IntegrityError, match="after 2 of 4 epochs; run the same command again"):
            load_network(trial, lab.job)

    def test_of_another_network(self, trained):
        lab, trial, _ = trained
        other = replace(trial, architecture=rigged("good", 32))
        lab.store.put(checkpoint_key(other.id), lab.store.get(checkpoint_key(trial.id)))
        with pytest.raises(IntegrityError, match="do not fit the network"):
            load_network(other, lab.job)
