"""Image classification keeps the contract of tasks, and is right about perfect and hopeless networks."""

from __future__ import annotations

import pytest
import torch

from nasflow.config import AugmentConfig, TrainingConfig
from nasflow.data import Summary
from nasflow.errors import ConfigError
from nasflow.spaces import NetworkIO
from nasflow.tasks.image_classification import ImageClassification
from nasflow.testing.tasks import TaskContract


def task() -> ImageClassification:
    return ImageClassification(ImageClassification.Options())


class TestContract(TaskContract):
    def make_task(self) -> ImageClassification:
        return task()


def test_io_is_known_from_a_scan() -> None:
    summary = Summary(("cat", "dog"), (20, 20), 3, 64, (), "")
    assert task().io(summary) == NetworkIO(channels=3, size=64, outputs=2)


@pytest.mark.parametrize(("size", "depth"), [(8, 8), (15, 8), (16, 20), (48, 20), (49, 18), (224, 18)])
def test_reference_suits_the_size(size: int, depth: int) -> None:
    reference = task().reference(NetworkIO(3, size, 10))
    assert reference.family == "resnet"
    assert reference.form["depth"] == depth
    assert reference.choices == {}


def test_perfect_network() -> None:
    targets = torch.tensor([0, 1, 2, 2])
    logits = torch.nn.functional.one_hot(targets, 3).float() * 100
    found = task().evaluate(logits, targets)
    assert found == pytest.approx({"accuracy": 1, "balanced_accuracy": 1, "macro_f1": 1, "loss": 0}, abs=1e-6)


def test_network_that_is_always_wrong() -> None:
    targets = torch.tensor([0, 1, 2, 2])
    logits = torch.nn.functional.one_hot((targets + 1) % 3, 3).float() * 100
    found = task().evaluate(logits, targets)
    assert found["loss"] == pytest.approx(100)
    assert (found["accuracy"], found["balanced_accuracy"], found["macro_f1"]) == (0, 0, 0)


def test_network_that_knows_one_class() -> None:
    """The common class alone: accuracy looks good, balanced accuracy does not."""
    targets = torch.tensor([0] * 8 + [1] * 2)
    logits = torch.tensor([[1.0, 0.0]]).expand(10, 2)
    found = task().evaluate(logits, targets)
    assert found["accuracy"] == pytest.approx(0.8)
    assert found["balanced_accuracy"] == pytest.approx(0.5)
    assert found["macro_f1"] == pytest.approx((2 * 8 / 18 + 0) / 2)


def test_label_smoothing_is_the_recipes() -> None:
    logits, targets = torch.tensor([[2.0, 0.0]]), torch.tensor([0])
    sharp = task().loss(TrainingConfig())(logits, targets)
    smooth = task().loss(TrainingConfig(label_smoothing=0.5))(logits, targets)
    logs = logits.log_softmax(1)[0]
    assert sharp.item() == pytest.approx(-logs[0].item())
    assert smooth.item() == pytest.approx(-(0.75 * logs[0] + 0.25 * logs[1]).item())


def test_loss_of_half_precision_is_worked_out_in_float32() -> None:
    logits = torch.tensor([[10.0, 0.0]], dtype=torch.bfloat16)
    assert task().loss(TrainingConfig())(logits, torch.tensor([0])).dtype == torch.float32


def test_crop_is_an_eighth_by_default() -> None:
    """A bright column in the middle of 16 pixels is found up to 2 places away, and no further."""
    images = torch.zeros((400, 1, 16, 16), dtype=torch.uint8)
    images[..., 8] = 255
    augment = task().augmenter(TrainingConfig(), NetworkIO(1, 16, 2))
    moved = augment(images, torch.Generator().manual_seed(0))
    columns = moved[:, 0, 0].float().argmax(dim=1)
    assert set(columns.tolist()) == {6, 7, 8, 9, 10}


@pytest.mark.parametrize("crop", [8, 64])
def test_crop_as_large_as_the_image_is_refused(crop: int) -> None:
    recipe = TrainingConfig(augment=AugmentConfig(crop=crop))
    with pytest.raises(ConfigError, match=f"training.augment.crop must be below the size of the images, 8, not {crop}"):
        task().augmenter(recipe, NetworkIO(1, 8, 10))


def test_largest_legal_crop() -> None:
    recipe = TrainingConfig(augment=AugmentConfig(crop=7))
    images = torch.arange(64, dtype=torch.uint8).view(1, 1, 8, 8).repeat(50, 1, 1, 1)
    moved = task().augmenter(recipe, NetworkIO(1, 8, 10))(images, torch.Generator().manual_seed(0))
    assert moved.max() < 64
