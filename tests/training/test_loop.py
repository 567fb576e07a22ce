"""One trial, in this process: its numbers, its repetition, and its going on from a checkpoint."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from nasflow.config import TrainingConfig
from nasflow.errors import PluginError, StorageError
from nasflow.ids import seed_of
from nasflow.spaces import Architecture, load_family
from nasflow.spaces.choices import Scalar
from nasflow.tasks.image_changes import crop_and_flip
from nasflow.testing.rigged import rigged
from nasflow.training.bench import Bench
from nasflow.training.checkpoint import Progress, unpack
from nasflow.training.evaluation import evaluate, load_network
from nasflow.training.events import EpochFinished, TrialStarted
from nasflow.training.job import checkpoint_key
from nasflow.training.loop import Training, evaluation_batch, predict_logits, train
from nasflow.training.optimisation import learning_rate
from nasflow.training.seeding import generator, seed_everything
from nasflow.trials import Fidelity, Patience, Status, Trial


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


@contextlib.contextmanager
def evaluating_at_most(samples: int) -> Iterator[None]:
    """Let no network in evaluation mode take more samples at once, as if the device's memory were so small."""

    def check(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        if not module.training and len(inputs[0]) > samples:
            raise torch.OutOfMemoryError("too many samples at once")

    handle = torch.nn.modules.module.register_module_forward_pre_hook(check)
    try:
        yield
    finally:
        handle.remove()


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


RECIPES = [
    {"optimizer": "sgd"},
    {"optimizer": "adam", "ema": 0.9},
    {"optimizer": "adamw"},
    {"optimizer": "rmsprop", "learning_rate": 0.01},
    {"augment": {"cutout": 3, "mixup": 0.4}},
    {"balance": "sampler"},
    {"balance": "loss", "augment": {"mixup": 1.0}, "ema": 0.99},
    {"progressive": {"start": 0.5, "until": 0.5}, "augment": {"mixup": 0.2}},
]


class TestRepetition:
    @pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: "-".join(map(str, recipe.items())))
    def test_going_on_from_any_epoch_is_exact(self, lab, recipe):
        lab = lab.other("x", training={"batch_size": 256, "clip_norm": 1.0, **recipe})
        trial = lab.trial(CNN if "progressive" in recipe else rigged("good"), epochs=3)
        self._stop_and_go_on(lab, trial)

    @pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
    def test_of_convolutions_too(self, lab, optimizer):
        lab = lab.other("x", training={"optimizer": optimizer, "batch_size": 256, "ema": 0.9})
        self._stop_and_go_on(lab, lab.trial(CNN, epochs=3))

    def test_where_training_may_end_early_too(self, lab):
        lab = lab.other("x", training={"batch_size": 256, "learning_rate": 5.0, "schedule": "cosine", "ema": 0.5})
        trial = replace(lab.trial("good"), fidelity=Fidelity(12, 12, patience=Patience(3, "val_accuracy", "maximize")))
        assert self._stop_and_go_on(lab, trial) < 12

    @staticmethod
    def _stop_and_go_on(lab, trial):
        """Compare with a whole training one that is stopped after each epoch in turn; return how many there are."""
        whole = train(trial, Bench.open(lab.job), ignore)
        kept = unpack("", lab.store.get(checkpoint_key(trial.id)))[1]
        assert whole.status is Status.COMPLETED
        lab.store.delete(checkpoint_key(trial.id))
        epochs = len(whole.curve)
        for epoch in range(1, epochs + 1):
            with pytest.raises(Stopped):
                train(trial, Bench.open(lab.job), stop_after(epoch))
            told: list[TrialStarted | EpochFinished] = []
            rest = train(trial, Bench.open(lab.job), told.append)
            assert rest.timeless() == whole.timeless()
            assert isinstance(told[0], TrialStarted)
            assert (told[0].resumed_epoch, len(told) - 1) == (epoch, epochs - epoch)
            parts = unpack("", lab.store.get(checkpoint_key(trial.id)))[1]
            assert parts.keys() == kept.keys() == {"network"}
            assert all(torch.equal(parts["network"][name], kept["network"][name]) for name in kept["network"])
            lab.store.delete(checkpoint_key(trial.id))
        return epochs

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
    @pytest.mark.parametrize("name", ["sgd", "adamw"])
    def test_weights_are_those_of_a_plain_loop(self, lab, name):
        """The loop, written out naively with torch's own optimiser: the same to the last bit."""
        recipe = {"optimizer": name, "batch_size": 256, "learning_rate": 0.05, "label_smoothing": 0.1}
        lab = lab.other("x", training=recipe | {"augment": {"crop": 1}})
        trial, bench = lab.trial("good", epochs=2), Bench.open(lab.job)
        result = train(trial, bench, ignore)

        seed_everything(seed_of(trial.seed, "weights"))
        network = bench.task.network(trial.architecture, bench.bundle)
        groups = [
            {"params": [p for p in network.parameters() if p.ndim > 1], "weight_decay": 5e-4},
            {"params": [p for p in network.parameters() if p.ndim <= 1], "weight_decay": 0.0},
        ]
        optimizer: torch.optim.Optimizer = (
            torch.optim.SGD(groups, lr=1, momentum=0.9, nesterov=True, fused=True)
            if name == "sgd"
            else torch.optim.AdamW(groups, lr=1, fused=True)
        )
        images = torch.from_numpy(np.array(bench.bundle.images("train"))).permute(0, 3, 1, 2)
        targets = torch.from_numpy(bench.bundle.targets("train"))
        step = 0
        for epoch in (1, 2):
            seed_everything(seed_of(trial.seed, "epoch", epoch))
            order = torch.randperm(len(targets), generator=generator(torch.device("cpu"), trial.seed, "order", epoch))
            changes = generator(torch.device("cpu"), trial.seed, "augment", epoch)
            total = 0.0
            network.train()
            for places in order.tensor_split(5):
                batch = crop_and_flip(images[places], changes, 1, flip=False)
                loss = torch.nn.functional.cross_entropy(network(batch), targets[places], label_smoothing=0.1)
                optimizer.zero_grad()
                loss.backward()
                for group in optimizer.param_groups:
                    group["lr"] = learning_rate(bench.job.config.training, step, 10)
                optimizer.step()
                total += float(loss.detach()) * len(places)
                step += 1
            assert result.curve[epoch - 1].metrics["train_loss"] == pytest.approx(total / len(targets), rel=1e-6)
        kept = unpack("", lab.store.get(checkpoint_key(trial.id)))[1]["network"]
        assert all(torch.equal(kept[key], value) for key, value in network.state_dict().items())

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


class TestAverage:
    def test_is_what_is_evaluated_and_kept(self, lab):
        """A loop of its own over the checkpoints of a training: the average of the raw weights after each step."""
        lab = lab.other("x", training={"batch_size": 8192, "ema": 0.5})
        trial, bench = replace(lab.trial("good", epochs=3), fidelity=Fidelity(3, 4)), Bench.open(lab.job)
        before = Training(trial, bench, _nothing(trial))
        before.prepare()
        mean = {name: value.clone() for name, value in before.weights.network.state_dict().items()}
        for epoch in (1, 2, 3):
            with contextlib.suppress(Stopped):
                train(trial, bench, stop_after(epoch))
            parts = unpack("", lab.store.get(checkpoint_key(trial.id)))[1]
            decay = min(0.5, epoch / (9 + epoch))
            for name, value in parts["training"].items():
                if value.is_floating_point():
                    mean[name] = decay * mean[name] + (1 - decay) * value
                    torch.testing.assert_close(parts["network"][name], mean[name])
        metrics = train(trial, bench, ignore).metrics
        network = load_network(trial, lab.job)
        logits = predict_logits(network, bench.device, bench.val, 1024)
        assert bench.task.evaluate(logits, bench.val.targets)["loss"] == metrics["val_loss"]

    def test_it_begins_at_the_start_weights(self, lab):
        lab = lab.other("x", training={"batch_size": 8192, "ema": 0.999, "learning_rate": 1e-9})
        first = lab.trial("good", epochs=1)
        train(first, Bench.open(lab.job), ignore)
        trial = replace(lab.trial("good", epochs=1, width=8), start=first.id, seed=99)
        train(trial, Bench.open(lab.job), ignore)
        found = [unpack("", lab.store.get(checkpoint_key(t.id)))[1]["network"] for t in (first, trial)]
        torch.testing.assert_close(found[0]["body.body.1.weight"], found[1]["body.body.1.weight"])


class TestEarlyEnd:
    @pytest.fixture
    def ended(self, lab):
        """A lab with a trial that ended before its twelve epochs: the rate is far too high."""
        lab = lab.other("x", training={"batch_size": 256, "learning_rate": 5.0, "schedule": "cosine"})
        trial = replace(lab.trial("good"), fidelity=Fidelity(12, 12, patience=Patience(2, "val_accuracy", "maximize")))
        return lab, trial, train(trial, Bench.open(lab.job), ignore)

    def test_the_best_epoch_is_kept(self, ended):
        lab, trial, result = ended
        accuracies = [point.metrics["val_accuracy"] for point in result.curve]
        best = accuracies.index(max(accuracies))
        assert 2 < len(result.curve) < 12
        assert best == len(result.curve) - 3
        assert result.metrics["val_accuracy"] == max(accuracies)
        shown = result.curve[best].metrics
        assert all(shown[name] == value for name, value in result.metrics.items() if name in shown)
        assert evaluate(trial, lab.job, "val")[0]["val_accuracy"] == max(accuracies)

    def test_it_is_the_same_training_until_then(self, lab, ended):
        _, trial, result = ended
        whole = train(replace(trial, fidelity=Fidelity(12, 12)), Bench.open(ended[0].job), ignore)
        known = [point.metrics for point in whole.curve]
        assert [point.metrics for point in result.curve] == known[: len(result.curve)]
        assert whole.metrics["val_accuracy"] == known[-1]["val_accuracy"]

    def test_a_training_that_goes_on_improving_has_all_its_epochs_and_keeps_the_best(self, lab, bench):
        trial = replace(
            lab.trial("good", width=32), fidelity=Fidelity(4, 4, patience=Patience(4, "val_accuracy", "maximize"))
        )
        result = train(trial, bench, ignore)
        assert len(result.curve) == 4
        assert result.metrics["val_accuracy"] == max(point.metrics["val_accuracy"] for point in result.curve)

    @pytest.mark.parametrize(
        ("metric", "direction", "kept"),
        [("val_loss", "minimize", 2), ("val_macro_f1", "maximize", 1), ("val_macro_f1", "minimize", 2)],
    )
    def test_the_trial_says_what_is_better(self, lab, monkeypatch, metric, direction, kept):
        """Accuracy, the task's first metric, goes on rising."""
        values = [(0.1, 0.5, 3.0), (0.2, 0.4, 2.0), (0.3, 0.4, 2.0), (0.4, 0.45, 2.5), (0.5, 0.9, 1.0)]
        found = iter({"accuracy": a, "macro_f1": f, "loss": n} for a, f, n in values)
        bench = Bench.open(lab.job)
        monkeypatch.setattr(type(bench.task), "evaluate", lambda *_: next(found))
        trial = replace(lab.trial("good"), fidelity=Fidelity(9, 9, patience=Patience(2, metric, direction)))
        result = train(trial, bench, ignore)
        assert len(result.curve) == kept + 2
        assert result.metrics["val_accuracy"] == values[kept - 1][0]


class TestRecipes:
    def test_the_curve_tells_the_size_of_smaller_images(self, lab):
        lab = lab.other("x", training={"batch_size": 256, "progressive": {"start": 0.5, "until": 0.5}})
        result = train(lab.trial(CNN, epochs=4), Bench.open(lab.job), ignore)
        assert [point.metrics["image_size"] for point in result.curve] == [4, 8, 8, 8]
        assert "image_size" not in result.metrics
        plain = lab.other("y", training={"batch_size": 256})
        assert "image_size" not in train(lab.trial(CNN, epochs=1), Bench.open(plain.job), ignore).curve[0].metrics

    def test_a_recipe_of_the_architecture_replaces_that_of_the_search(self, lab, bench):
        architecture = replace(rigged("good"), recipe={"optimizer": "rmsprop", "ema": 0.9, "augment.mixup": 0.3})
        training = Training(lab.trial(architecture), bench, _nothing(lab.trial(architecture)))
        training.prepare()
        assert training.weights.optimizer.recipe.optimizer == "rmsprop"
        assert training.weights.average is not None
        assert training.epochs.augment.mixup == 0.3

    def test_parts_are_kept_in_the_checkpoint(self, lab, bench):
        trial = lab.trial("good", epochs=3)
        whole = train(trial, bench, ignore, 4)
        assert whole.metrics["accumulation"] == 4
        lab.store.delete(checkpoint_key(trial.id))
        with pytest.raises(Stopped):
            train(trial, bench, stop_after(2), 4)
        told: list[TrialStarted | EpochFinished] = []
        assert train(trial, bench, told.append).timeless() == whole.timeless()
        assert len(told) == 2

    def test_what_is_evaluated_at_once_is_cut_as_batches_are(self, lab):
        """Where a batch of training fits, but not four of them in validation: more parts help there too."""
        lab = lab.other("x", training={"batch_size": 32})
        trial, bench = lab.trial(CNN, epochs=1), Bench.open(lab.job)
        with evaluating_at_most(100):
            whole, parts = (train(trial, bench, ignore, number) for number in (1, 4))
            again = evaluate(trial, lab.job, "val")[0]
        assert whole.status is Status.OUT_OF_MEMORY
        assert parts.status is Status.COMPLETED
        assert again == {name: parts.metrics[name] for name in again}

    def test_logits_do_not_depend_on_how_many_are_evaluated_at_once(self, lab, bench):
        training = Training(lab.trial(CNN), bench, _nothing(lab.trial(CNN)))
        training.prepare()
        training.epoch()
        whole, cut, one = (predict_logits(training.weights.network, bench.device, bench.val, n) for n in (1024, 100, 1))
        torch.testing.assert_close(cut, whole, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(one, whole, rtol=1e-4, atol=1e-5)

    @pytest.mark.parametrize(("batch", "parts", "size"), [(64, 1, 256), (64, 8, 32), (10, 3, 13), (2, 16, 1)])
    def test_how_many_are_evaluated_at_once(self, batch, parts, size):
        assert evaluation_batch(TrainingConfig(batch_size=batch), parts) == size

    def test_a_checkpoint_with_other_parts_is_not_gone_on_from(self, lab, bench):
        trial = lab.trial("good", epochs=3)
        whole = train(trial, bench, ignore, 2)
        lab.store.delete(checkpoint_key(trial.id))
        with pytest.raises(Stopped):
            train(trial, bench, stop_after(2))
        assert train(trial, bench, ignore, 2).timeless() == whole.timeless()


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
        def refuse(*_: object, **__: object) -> None:
            raise StorageError("the disk is full")

        monkeypatch.setattr(type(bench.store), "put", refuse)
        with pytest.raises(StorageError, match="disk is full"):
            train(lab.trial("good"), bench, ignore)


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
