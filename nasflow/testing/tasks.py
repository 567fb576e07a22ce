"""The contract of a task, as tests: subclass `TaskContract` in a test module and say how to make the task.

    class TestMyTask(TaskContract):
        def make_task(self) -> Task:
            return MyTask(MyTask.Options())

Data are scikit-learn's digits; a task that learns from others overrides `make_bundle`.
"""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

from nasflow.config import AugmentConfig, DataConfig, TrainingConfig
from nasflow.data import DataBundle
from nasflow.data.prepare import prepare
from nasflow.spaces import load_family
from nasflow.tasks import Task

if TYPE_CHECKING:
    from torch import Tensor

_BATCH = 16
_CHANGES: tuple[dict[str, Any], ...] = ({}, {"cutout": 3}, {"mixup": 0.4}, {"cutout": 3, "mixup": 0.4})
"""Settings of `training.augment` beside a crop and a flip."""


class TaskContract:
    """What every task keeps."""

    def make_task(self) -> Task:
        """Return the task."""
        raise NotImplementedError

    @classmethod
    def make_bundle(cls, folder: Path) -> DataBundle:
        """Return data for the task, prepared in `folder`."""
        return prepare(DataConfig(source="sklearn:digits"), folder, folder / "prepared")

    @pytest.fixture(scope="class")
    @classmethod
    def bundle(cls, tmp_path_factory: pytest.TempPathFactory) -> DataBundle:
        """The data, prepared once for the class."""
        return cls.make_bundle(tmp_path_factory.mktemp("task"))

    @pytest.fixture
    def batch(self, bundle: DataBundle) -> Tensor:
        """Some training images, uint8 (16, C, H, W)."""
        import torch

        return torch.from_numpy(bundle.images("train")[:_BATCH].copy()).permute(0, 3, 1, 2)

    def test_importing_it_needs_no_torch(self) -> None:
        """Steps that only plan start fast."""
        module = type(self.make_task()).__module__
        program = f"import sys, {module}; sys.exit('torch' in sys.modules)"
        assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0

    def test_metrics_are_named(self) -> None:
        """There is a deciding metric, and no name twice."""
        names = [metric.name for metric in self.make_task().metrics]
        assert names
        assert len(set(names)) == len(names)
        assert all(metric.direction in ("maximize", "minimize") for metric in self.make_task().metrics)

    def test_io_is_that_of_the_data(self, bundle: DataBundle) -> None:
        """Networks take what is stored."""
        io = self.make_task().io(bundle)
        assert (io.channels, io.size) == (bundle.channels, bundle.size)
        assert io.outputs >= 1

    def test_reference_can_be_built(self, bundle: DataBundle) -> None:
        """The reference has the parameters that its family says, and one form."""
        task = self.make_task()
        io = task.io(bundle)
        reference = task.reference(io)
        assert reference == task.reference(io)
        family = load_family(reference.family)
        network = family.build(reference.form, io)
        assert sum(p.numel() for p in network.parameters()) == family.cost(reference.form, io).parameters

    def test_network_takes_whatever_is_stored(self, bundle: DataBundle, batch: Tensor) -> None:
        """Bytes and floats of the same values give the same logits, and normalisation brings no parameters."""
        import torch

        task = self.make_task()
        io = task.io(bundle)
        reference = task.reference(io)
        network = task.network(reference, bundle).eval()
        with torch.no_grad():
            logits = network(batch)
            same = network(batch.float())
        assert logits.dtype == torch.float32
        assert logits.shape == (_BATCH, io.outputs)
        assert torch.isfinite(logits).all()
        assert torch.equal(logits, same)
        cost = load_family(reference.family).cost(reference.form, io)
        assert sum(p.numel() for p in network.parameters() if p.requires_grad) == cost.parameters

    @pytest.mark.parametrize("channels_last", [False, True])
    @pytest.mark.parametrize("floating", [False, True])
    @pytest.mark.parametrize("changes", _CHANGES, ids=lambda changes: "-".join(changes) or "default")
    def test_augmenter_keeps_the_form(
        self, bundle: DataBundle, batch: Tensor, changes: dict[str, Any], floating: bool, channels_last: bool
    ) -> None:
        """Shape, scale and memory format stay, targets suit the loss, and the batch given is left alone."""
        import torch

        batch = batch.float() if floating else batch
        layout = torch.channels_last if channels_last else torch.contiguous_format
        batch = batch.contiguous(memory_format=layout)
        before = batch.clone()
        recipe = _recipe(changes)
        changed, targets = self._augmented(bundle, batch, 0, recipe)
        assert changed.shape == batch.shape
        assert changed.dtype in (batch.dtype, torch.float32)
        assert changed.is_contiguous(memory_format=layout)
        assert changed.min() >= 0
        assert changed.max() <= 255
        assert torch.equal(batch, before)
        io = self.make_task().io(bundle)
        loss = self.make_task().loss(recipe, io, self._targets(bundle))
        assert torch.isfinite(loss(torch.zeros((_BATCH, io.outputs)), targets))

    @pytest.mark.parametrize("changes", _CHANGES, ids=lambda changes: "-".join(changes) or "default")
    def test_augmenter_repeats_by_its_generator(
        self, bundle: DataBundle, batch: Tensor, changes: dict[str, Any]
    ) -> None:
        """The same seed changes samples alike, another one otherwise."""
        import torch

        recipe = _recipe(changes)
        first, again, other = (self._augmented(bundle, batch, seed, recipe) for seed in (1, 1, 2))
        assert torch.equal(first[0], again[0])
        assert torch.equal(first[1], again[1])
        assert not torch.equal(first[0], other[0])

    def test_augmenter_draws_for_each_sample(self, bundle: DataBundle, batch: Tensor) -> None:
        """Copies of one image do not all become the same; of 16, the chance that they do is below 1e-9."""
        changed, _ = self._augmented(bundle, batch[:1].expand(_BATCH, -1, -1, -1), 3, _recipe({}))
        assert any(not bool((image == changed[0]).all()) for image in changed)

    def test_augmenter_does_nothing_where_told_so(self, bundle: DataBundle, batch: Tensor) -> None:
        """No crop and no flip leave samples as they are."""
        import torch

        recipe = TrainingConfig(augment=AugmentConfig(crop=0, flip=False))
        changed, targets = self._augmented(bundle, batch, 0, recipe)
        assert torch.equal(changed, batch)
        assert torch.equal(targets, self._targets(bundle)[:_BATCH])

    def test_augmenter_makes_samples_smaller_where_asked(self, bundle: DataBundle, batch: Tensor) -> None:
        """Of any recipe, the size that is asked for comes out."""
        small = bundle.size // 2
        for changes in _CHANGES:
            changed, _ = self._augmented(bundle, batch, 0, _recipe(changes), small)
            assert changed.shape == (*batch.shape[:2], small, small)

    def test_a_recipe_that_suits_is_let_pass(self, bundle: DataBundle) -> None:
        """The default recipe, and each that this contract tries."""
        task = self.make_task()
        for recipe in (TrainingConfig(), *map(_recipe, _CHANGES)):
            task.check(recipe, task.io(bundle))

    def test_sample_weights_are_one_on_average(self, bundle: DataBundle) -> None:
        """They are positive, too."""
        targets = self._targets(bundle)
        weights = self.make_task().sample_weights(targets)
        assert weights.shape == targets.shape
        assert float(weights.mean()) == pytest.approx(1)
        assert bool((weights > 0).all())

    @pytest.mark.parametrize("balance", ["none", "loss"])
    def test_loss_of_a_batch_is_the_mean_of_its_parts(
        self, bundle: DataBundle, batch: Tensor, balance: Literal["none", "loss"]
    ) -> None:
        """So a batch that does not fit in memory can be cut."""
        import torch

        task = self.make_task()
        io = task.io(bundle)
        logits = torch.randn((_BATCH, io.outputs), generator=torch.Generator().manual_seed(0))
        for changes in _CHANGES:
            recipe = _recipe(changes).model_copy(update={"balance": balance})
            _, targets = self._augmented(bundle, batch, 0, recipe)
            loss = task.loss(recipe, io, self._targets(bundle))
            parts = 0.25 * loss(logits[:4], targets[:4]) + 0.75 * loss(logits[4:], targets[4:])
            torch.testing.assert_close(parts, loss(logits, targets))

    def test_loss_can_be_learned_from(self, bundle: DataBundle) -> None:
        """The loss is finite, has a finite gradient, and following it lowers it."""
        import torch

        task = self.make_task()
        loss = task.loss(TrainingConfig(label_smoothing=0.1), task.io(bundle), self._targets(bundle))
        targets = self._targets(bundle)[:_BATCH]
        logits = torch.zeros((_BATCH, task.io(bundle).outputs), requires_grad=True)
        value = loss(logits, targets)
        value.backward()  # type: ignore[no-untyped-call]
        assert value.ndim == 0
        assert torch.isfinite(value)
        assert logits.grad is not None
        assert torch.isfinite(logits.grad).all()
        assert loss(logits.detach() - logits.grad, targets) < value

    def test_probabilities_are_in_range(self, bundle: DataBundle) -> None:
        """Probabilities are float32 from 0 to 1, also for huge logits."""
        import torch

        task = self.make_task()
        logits = torch.randn((_BATCH, task.io(bundle).outputs), generator=torch.Generator().manual_seed(0)) * 1e4
        found = task.probabilities(logits)
        assert (found.shape, found.dtype) == (logits.shape, torch.float32)
        assert bool(((found >= 0) & (found <= 1)).all())

    def test_evaluate_gives_every_metric(self, bundle: DataBundle) -> None:
        """Evaluation names exactly the metrics of the task, as finite floats."""
        import torch

        task = self.make_task()
        targets = torch.from_numpy(bundle.targets("val"))
        logits = torch.randn((len(targets), task.io(bundle).outputs), generator=torch.Generator().manual_seed(0))
        values = task.evaluate(logits, targets)
        assert set(values) == {metric.name for metric in task.metrics}
        assert all(type(value) is float and math.isfinite(value) for value in values.values())

    def _targets(self, bundle: DataBundle) -> Tensor:
        import torch

        return torch.from_numpy(bundle.targets("train"))

    def _augmented(
        self, bundle: DataBundle, batch: Tensor, seed: int, recipe: TrainingConfig, size: int | None = None
    ) -> tuple[Tensor, Tensor]:
        import torch

        augment = self.make_task().augmenter(recipe, bundle)
        chance = torch.Generator().manual_seed(seed)
        return augment(batch, self._targets(bundle)[:_BATCH], chance, size or bundle.size)


def _recipe(changes: dict[str, Any]) -> TrainingConfig:
    return TrainingConfig(label_smoothing=0.1, augment=AugmentConfig(**{"flip": True, **changes}))
