"""One epoch: which samples it sees, the gradients of its steps, and losses that are no numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from nasflow.training.bench import Bench
from nasflow.training.epoch import Epochs, check_losses
from nasflow.training.failures import NotFiniteError
from nasflow.training.loop import train
from nasflow.training.optimisation import learning_rate
from nasflow.training.seeding import seed_everything
from nasflow.training.weights import Weights
from nasflow.trials import Fidelity, Status


class TestOrder:
    def test_sampling_evens_out_the_classes_of_an_epoch(self, lab):
        """Of 1,258 draws, each of ten classes has 126 within six standard deviations of 10.7."""
        lab = lab.other("x", training={"balance": "sampler"})
        bench = Bench.open(lab.job)
        bench.train.targets[bench.train.targets < 5] = 0  # half of the samples in one class, none in four
        trial = lab.trial("good")
        epochs = Epochs(trial, bench, lab.config.training, 1)
        orders = [epochs._order(number) for number in (1, 2, 1)]
        assert torch.equal(orders[0], orders[2])
        assert not torch.equal(orders[0], orders[1])
        counts = torch.bincount(bench.train.targets[orders[0]])[[0, 5, 6, 7, 8, 9]]
        expected = len(bench.train) / 6
        assert (counts - expected).abs().max() < 6 * (expected * 5 / 6) ** 0.5


class TestParts:
    @pytest.mark.parametrize("parts", [2, 3])
    def test_parts_of_a_batch_add_up_to_its_gradient(self, lab, parts):
        """In a network without batch normalisation and dropout, which see parts."""
        lab = lab.other("x", training={"batch_size": 256, "balance": "loss", "augment": {"mixup": 0.5}})
        bench = Bench.open(lab.job)
        trial, gradients = lab.trial("good"), []
        for count in (1, parts):
            torch.manual_seed(0)
            network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))
            weights = Weights(network, lab.config.training)
            epochs = Epochs(trial, bench, lab.config.training, count)
            images, targets = epochs.augment(*bench.train.batch(torch.arange(101)), torch.Generator().manual_seed(0), 8)
            loss = epochs._gradients(weights, images, targets)
            gradients.append([loss, *(p.grad.clone() for p in network.parameters())])
        for whole, summed in zip(*gradients, strict=True):
            torch.testing.assert_close(whole, summed)

    def test_no_part_has_a_single_sample(self, lab):
        lab = lab.other("x", training={"batch_size": 6})
        trial = replace(lab.trial("good"), fidelity=Fidelity(1, 1, 0.02))
        assert train(trial, Bench.open(lab.job), lambda event: None, 8).status is Status.COMPLETED


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_the_first_bad_step_is_named(value):
    losses = torch.tensor([1.0, 2.0, value, value])
    with pytest.raises(NotFiniteError, match=r"(NaN|infinite) in epoch 4, step 3"):
        check_losses(losses, 4)
    check_losses(losses[:2], 4)


def test_losses_that_are_numbers_pass():
    check_losses(torch.tensor([0.0, 1e30, -5.0]), 1)


def test_an_epoch_says_what_it_did(lab):
    lab = lab.other("x", training={"batch_size": 256, "schedule": "cosine", "learning_rate": 0.1})
    trial, bench = replace(lab.trial("good"), fidelity=Fidelity(1, 2)), Bench.open(lab.job)
    recipe = lab.config.training
    weights = Weights(bench.task.network(trial.architecture, bench.bundle), recipe)
    epochs = Epochs(trial, bench, recipe, 1)
    trained = [epochs.train(weights, number) for number in (1, 2)]
    assert epochs.steps == 5
    assert [each.rate for each in trained] == [learning_rate(recipe, step, 10) for step in (4, 9)]
    assert trained[1].loss < trained[0].loss
    assert {each.size for each in trained} == {8}


def test_an_epoch_repeats(lab):
    trial, bench = lab.trial("good"), Bench.open(lab.job)
    losses = []
    for _ in range(2):
        seed_everything(3)
        weights = Weights(bench.task.network(trial.architecture, bench.bundle), lab.config.training)
        losses.append(Epochs(trial, bench, lab.config.training, 1).train(weights, 1).loss)
    assert losses[0] == losses[1]
