"""One trial, in this process: its numbers, its repetition, and its going on from a checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from nasflow.errors import PluginError, StorageError
from nasflow.ids import seed_of
from nasflow.spaces import Architecture, load_family
from nasflow.spaces.choices import Scalar
from nasflow.testing.rigged import rigged
from nasflow.training.bench import Bench
from nasflow.training.checkpoint import Progress, unpack
from nasflow.training.epoch import check_losses
from nasflow.training.events import EpochFinished, TrialStarted
from nasflow.training.failures import NotFiniteError
from nasflow.training.job import checkpoint_key
from nasflow.training.loop import Training, train
from nasflow.training.optimisation import learning_rate
from nasflow.training.seeding import generator, seed_everything
from nasflow.trials import Fidelity, Status, Trial


class Stopped(BaseException):
    """Stands for the end of the process: nothing in the loop may catch it."""


def stop_after(epoch: int) -> Callable[[TrialStarted | EpochFinished], None]:
    def report(event: TrialStarted | EpochFinished) -> None:
        if isinstance(event, EpochFinished) and event.point.epoch == epoch:
            raise Stopped

    return report


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def bench(lab) -> Bench:
    return Bench.open(lab.job)


def ignore(event: TrialStarted | EpochFinished) -> None:
    pass


BLOCK = {"depth": 1, "width": 8, "kernel": 3}
CNN = Architecture(
    "cnn",
    {},
    {
        "activation": "silu",
        "head": "average",
        "stem": 8,
        "pooling": "strided",
        "stages": [{**BLOCK, "kind": "residual", "squeeze_excite": True}, {**BLOCK, "kind": "separable", "width": 16}],
    },
)


class TestRepetition:
    @pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
    @pytest.mark.parametrize("architecture", [rigged("good"), CNN], ids=["mlp", "cnn"])
    def test_going_on_from_any_epoch_is_exact(self, lab, architecture, optimizer):
        lab = lab.other("x", training={"optimizer": optimizer, "batch_size": 256, "clip_norm": 1.0})
        trial = lab.trial(architecture, epochs=3)
        whole = train(trial, Bench.open(lab.job), ignore)
        assert whole.status is Status.COMPLETED
        lab.store.delete(checkpoint_key(trial.id))
        for epoch in (1, 2, 3):
            with pytest.raises(Stopped):
                train(trial, Bench.open(lab.job), stop_after(epoch))
            told: list[TrialStarted | EpochFinished] = []
            rest = train(trial, Bench.open(lab.job), told.append)
            assert rest.timeless() == whole.timeless()
            assert isinstance(told[0], TrialStarted)
            assert (told[0].resumed_epoch, len(told) - 1) == (epoch, 3 - epoch)
            lab.store.delete(checkpoint_key(trial.id))

    def test_the_same_weights_and_the_same_numbers_each_time(self, lab, bench):
        trial = lab.trial("good", epochs=2)
        weights = []
        for _ in range(2):
            train(trial, bench, ignore)
            weights.append(unpack("", lab.store.get(checkpoint_key(trial.id)))[1]["network"])
            lab.store.delete(checkpoint_key(trial.id))
        assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])

    def test_another_seed_gives_other_numbers(self, lab, bench):
        trial = lab.trial("good")
        first = train(trial, bench, ignore)
        second = train(replace(trial, seed=trial.seed + 1), bench, ignore)
        assert first.curve[0].metrics["train_loss"] != second.curve[0].metrics["train_loss"]

    def test_other_trials_before_it_change_nothing(self, lab, bench):
        trial, other = lab.trial("good"), lab.trial("good", width=32)
        first = train(trial, bench, ignore)
        lab.store.delete(checkpoint_key(trial.id))
        train(other, bench, ignore)
        assert train(trial, bench, ignore).timeless() == first.timeless()

    @pytest.mark.parametrize("damage", [lambda b: b[:100], lambda b: b[:-50], lambda b: b"nothing", lambda b: b""])
    def test_a_damaged_checkpoint_is_trained_anew(self, lab, bench, damage, caplog):
        trial = lab.trial("good", epochs=3)
        whole = train(trial, bench, ignore)
        lab.store.delete(checkpoint_key(trial.id))
        with pytest.raises(Stopped):
            train(trial, bench, stop_after(2))
        lab.store.put(checkpoint_key(trial.id), damage(lab.store.get(checkpoint_key(trial.id))))
        assert train(trial, bench, ignore).timeless() == whole.timeless()
        assert "starts anew" in caplog.text

    def test_a_checkpoint_of_another_trial_is_not_used(self, lab, bench):
        trial, other = lab.trial("good", epochs=3), lab.trial("good", epochs=3, width=16)
        whole = train(trial, bench, ignore)
        train(other, bench, ignore)
        lab.store.put(checkpoint_key(trial.id), lab.store.get(checkpoint_key(other.id)))
        assert train(trial, bench, ignore).timeless() == whole.timeless()


class TestNumbers:
    def test_an_epoch_is_what_plain_torch_would_do(self, lab):
        """The loop, written out naively with torch's own optimiser."""
        recipe = {"optimizer": "sgd", "batch_size": 256, "learning_rate": 0.05, "augment": {"crop": 0}}
        lab = lab.other("x", training=recipe | {"label_smoothing": 0.1})
        trial, bench = lab.trial("good", epochs=2), Bench.open(lab.job)
        result = train(trial, bench, ignore)

        training = Training(trial, bench, _nothing(trial))
        training._build()
        network = training.weights.network
        decayed = [p for p in network.parameters() if p.ndim > 1]
        others = [p for p in network.parameters() if p.ndim <= 1]
        optimizer = torch.optim.SGD(
            [{"params": decayed}, {"params": others, "weight_decay": 0.0}],
            lr=0.05,
            momentum=0.9,
            nesterov=True,
            weight_decay=5e-4,
        )
        images = torch.from_numpy(np.array(bench.bundle.images("train"))).permute(0, 3, 1, 2)
        targets = torch.from_numpy(bench.bundle.targets("train"))
        step = 0
        for epoch in (1, 2):
            seed_everything(seed_of(trial.seed, "epoch", epoch))
            order = torch.randperm(len(targets), generator=generator(torch.device("cpu"), trial.seed, "order", epoch))
            total = 0.0
            network.train()
            for places in order.tensor_split(5):
                loss = torch.nn.functional.cross_entropy(network(images[places]), targets[places], label_smoothing=0.1)
                optimizer.zero_grad()
                loss.backward()
                for group in optimizer.param_groups:
                    group["lr"] = learning_rate(bench.job.config.training, step, 10)
                optimizer.step()
                total += float(loss.detach()) * len(places)
                step += 1
            mean = total / len(targets)
            assert result.curve[epoch - 1].metrics["train_loss"] == pytest.approx(mean, rel=1e-4)

    def test_a_part_of_the_data_is_the_same_for_all_trials(self, lab, bench):
        trial = replace(lab.trial("good", epochs=1), fidelity=Fidelity(1, 1, 0.3))
        training = Training(trial, bench, _nothing(trial))
        training.prepare()
        assert training.epochs.samples == -(-len(bench.train) * 3 // 10)
        assert training.epochs.steps == 2
        assert train(trial, bench, ignore).status is Status.COMPLETED

    def test_the_schedule_is_laid_out_over_the_horizon(self, lab, bench):
        trial = replace(lab.trial("good"), fidelity=Fidelity(2, 8))
        rates = [point.metrics["learning_rate"] for point in train(trial, bench, ignore).curve]
        assert rates == [learning_rate(lab.config.training, step, 8 * 5) for step in (4, 9)]

    def test_the_optimiser_is_kept_only_while_something_can_need_it(self, lab, bench):
        short, whole = replace(lab.trial("good"), fidelity=Fidelity(2, 8)), lab.trial("good")
        for trial, kept in ((short, True), (whole, False)):
            train(trial, bench, ignore)
            assert ("optimizer" in unpack("", lab.store.get(checkpoint_key(trial.id)))[1]) is kept

    def test_start_weights_are_taken(self, lab, bench):
        first = lab.trial("good", epochs=5)
        train(first, bench, ignore)
        on = train(replace(lab.trial("good", epochs=1), start=first.id), bench, ignore)
        anew = train(lab.trial("good", epochs=1), bench, ignore)
        assert on.curve[0].metrics["train_loss"] < anew.curve[0].metrics["train_loss"] - 0.1

    def test_start_weights_that_are_gone_are_an_error(self, lab, bench):
        with pytest.raises(StorageError, match=r"checkpoints/nowhere\.safetensors.*gone"):
            train(replace(lab.trial("good"), start="nowhere"), bench, ignore)

    def test_networks_are_channels_last(self, lab, bench):
        training = Training(lab.trial(CNN), bench, _nothing(lab.trial(CNN)))
        training.prepare()
        weights = [p for p in training.weights.network.parameters() if p.ndim == 4]
        assert weights
        assert all(p.is_contiguous(memory_format=torch.channels_last) for p in weights)

    def test_denormals_are_flushed(self, bench):
        assert float(torch.tensor([1e-40]) * 1) == 0.0


class TestFailures:
    @pytest.mark.parametrize(
        ("behaviour", "status", "cause"),
        [
            ("nan", Status.NOT_FINITE, "the training loss became NaN in epoch 2, step 2"),
            ("raise", Status.CRASHED, "TypeError: rigged: of the wrong type (testing/rigged_model.py:"),
            ("out_of_memory", Status.OUT_OF_MEMORY, "the memory did not suffice: RuntimeError"),
        ],
    )
    def test_are_results_that_keep_the_epochs_before(self, lab, bench, behaviour, status, cause):
        result = train(lab.trial(behaviour, epochs=3, step=7), bench, ignore)
        assert result.status is status
        assert result.cause.startswith(cause)
        assert [point.epoch for point in result.curve] == [1]
        assert set(result.metrics) == {"parameters", "flops", "train_seconds"}

    def test_a_metric_that_is_not_finite_is_one(self, lab, bench, monkeypatch):
        monkeypatch.setattr(type(bench.task), "evaluate", lambda *_: {"accuracy": 0.5, "loss": float("inf")})
        result = train(lab.trial("good"), bench, ignore)
        assert (result.status, result.cause) == (Status.NOT_FINITE, "val_loss became infinite in epoch 1")

    def test_an_unknown_family_is_no_result(self, lab, bench):
        with pytest.raises(PluginError):
            train(lab.trial(Architecture("nobodys", {}, {})), bench, ignore)

    def test_a_store_that_cannot_be_written_is_no_result(self, lab, bench, monkeypatch):
        def refuse(*_: object) -> None:
            raise StorageError("the disk is full")

        monkeypatch.setattr(type(bench.store), "put", refuse)
        with pytest.raises(StorageError, match="disk is full"):
            train(lab.trial("good"), bench, ignore)

    @pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
    def test_the_first_bad_step_is_named(self, value):
        losses = torch.tensor([1.0, 2.0, value, value])
        with pytest.raises(NotFiniteError, match=r"(NaN|infinite) in epoch 4, step 3"):
            check_losses(losses, 4)
        check_losses(losses[:2], 4)


def test_a_trial_of_every_family_learns(lab):
    lab = lab.other("x", training={"batch_size": 64})
    bench = Bench.open(lab.job)
    io = bench.task.io(bench.bundle)
    for name in ("cnn", "cell", "mlp"):
        family = load_family(name)
        options = family.Options()
        choices: dict[str, Scalar] = {}
        for choice in family.choices(options, io):
            if choice.exists(choices):
                choices[choice.name] = choice.values[0]
        result = train(lab.trial(Architecture(name, choices, family.form(choices, options)), epochs=2), bench, ignore)
        assert result.status is Status.COMPLETED, result.cause
        assert result.metrics["val_accuracy"] > 0.6, name


def _nothing(trial: Trial) -> Progress:
    return Progress(trial.id, (), {}, 0.0)
