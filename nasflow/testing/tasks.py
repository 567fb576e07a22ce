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
from typing import TYPE_CHECKING

import pytest

from nasflow.config import AugmentConfig, DataConfig, TrainingConfig
from nasflow.data import DataBundle
from nasflow.data.prepare import prepare
from nasflow.spaces import load_family
from nasflow.tasks import Task

if TYPE_CHECKING:
    from torch import Tensor

_BATCH = 16


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
    def test_augmenter_keeps_the_form(
        self, bundle: DataBundle, batch: Tensor, channels_last: bool, floating: bool
    ) -> None:
        """Shape, dtype and memory format stay, and the batch given is left alone."""
        import torch

        batch = batch.float() if floating else batch
        layout = torch.channels_last if channels_last else torch.contiguous_format
        batch = batch.contiguous(memory_format=layout)
        before = batch.clone()
        changed = self._augmented(bundle, batch, 0)
        assert (changed.shape, changed.dtype) == (batch.shape, batch.dtype)
        assert changed.is_contiguous(memory_format=layout)
        assert torch.equal(batch, before)

    def test_augmenter_repeats_by_its_generator(self, bundle: DataBundle, batch: Tensor) -> None:
        """The same seed changes images alike, another one otherwise."""
        import torch

        assert torch.equal(self._augmented(bundle, batch, 1), self._augmented(bundle, batch, 1))
        assert not torch.equal(self._augmented(bundle, batch, 1), self._augmented(bundle, batch, 2))

    def test_augmenter_draws_for_each_sample(self, bundle: DataBundle, batch: Tensor) -> None:
        """Copies of one image do not all become the same; of 16, the chance that they do is below 1e-9."""
        changed = self._augmented(bundle, batch[:1].expand(_BATCH, -1, -1, -1), 3)
        assert any(not bool((image == changed[0]).all()) for image in changed)

    def test_augmenter_does_nothing_where_told_so(self, bundle: DataBundle, batch: Tensor) -> None:
        """No crop and no flip leave images as they are."""
        import torch

        recipe = TrainingConfig(augment=AugmentConfig(crop=0, flip=False))
        task = self.make_task()
        augment = task.augmenter(recipe, task.io(bundle))
        assert torch.equal(augment(batch, torch.Generator().manual_seed(0)), batch)

    def test_loss_can_be_learned_from(self, bundle: DataBundle) -> None:
        """The loss is finite, has a finite gradient, and following it lowers it."""
        import torch

        task = self.make_task()
        loss = task.loss(TrainingConfig(label_smoothing=0.1))
        targets = torch.from_numpy(bundle.targets("train")[:_BATCH])
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

    def _augmented(self, bundle: DataBundle, batch: Tensor, seed: int) -> Tensor:
        import torch

        task = self.make_task()
        recipe = TrainingConfig(augment=AugmentConfig(flip=True))
        return task.augmenter(recipe, task.io(bundle))(batch, torch.Generator().manual_seed(seed))
