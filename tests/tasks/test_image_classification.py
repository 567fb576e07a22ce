"""Image classification keeps the contract of tasks, and is right about perfect and hopeless networks."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from nasflow.config import AugmentConfig, DataConfig, TrainingConfig
from nasflow.data import DataBundle, Summary
from nasflow.data.prepare import prepare
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
    io = NetworkIO(1, 8, 2)
    sharp = task().loss(TrainingConfig(), io, targets)(logits, targets)
    smooth = task().loss(TrainingConfig(label_smoothing=0.5), io, targets)(logits, targets)
    logs = logits.log_softmax(1)[0]
    assert sharp.item() == pytest.approx(-logs[0].item())
    assert smooth.item() == pytest.approx(-(0.75 * logs[0] + 0.25 * logs[1]).item())


def test_loss_of_half_precision_is_worked_out_in_float32() -> None:
    logits = torch.tensor([[10.0, 0.0]], dtype=torch.bfloat16)
    loss = task().loss(TrainingConfig(), NetworkIO(1, 8, 2), torch.tensor([0]))
    assert loss(logits, torch.tensor([0])).dtype == torch.float32


def test_a_balanced_loss_lets_the_rare_class_count_as_much() -> None:
    """Nine of one class and one of another: with logits of zero, the bias gets no pull to either side."""
    targets, logits = torch.tensor([0] * 9 + [1]), torch.zeros((10, 2), requires_grad=True)
    loss = task().loss(TrainingConfig(balance="loss"), NetworkIO(1, 8, 2), targets)
    loss(logits, targets).backward()
    assert logits.grad is not None
    assert logits.grad.sum(dim=0).tolist() == pytest.approx([0, 0], abs=1e-7)
    plain = task().loss(TrainingConfig(), NetworkIO(1, 8, 2), targets)
    torch.testing.assert_close(loss(logits, targets), plain(logits, targets))


def test_sample_weights_make_classes_equal() -> None:
    targets = torch.tensor([0] * 6 + [2] * 2)
    assert task().sample_weights(targets).tolist() == pytest.approx([8 / 12] * 6 + [8 / 4] * 2)


def augmented(images: torch.Tensor, recipe: TrainingConfig, bundle: DataBundle) -> torch.Tensor:
    targets = torch.zeros(len(images), dtype=torch.int64)
    augment = task().augmenter(recipe, bundle)
    return augment(images, targets, torch.Generator().manual_seed(0), images.shape[-1])[0]


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> DataBundle:
    root = tmp_path_factory.mktemp("digits")
    return prepare(DataConfig(source="sklearn:digits"), root, root / "bundle")


def test_crop_is_an_eighth_by_default(digits: DataBundle) -> None:
    """A bright column in the middle of 16 pixels is found up to 2 places away, and no further."""
    images = torch.zeros((400, 1, 16, 16), dtype=torch.uint8)
    images[..., 8] = 255
    moved = augmented(images, TrainingConfig(), replace(digits, size=16))
    columns = moved[:, 0, 0].float().argmax(dim=1)
    assert set(columns.tolist()) == {6, 7, 8, 9, 10}


def test_cutout_fills_in_the_mean_of_the_data(digits: DataBundle) -> None:
    recipe = TrainingConfig(augment=AugmentConfig(crop=0, cutout=3))
    changed = augmented(torch.zeros((5, 1, 8, 8), dtype=torch.uint8), recipe, digits)
    assert changed.unique().tolist() == [0, round(digits.mean[0])]


@pytest.mark.parametrize(("name", "value"), [("crop", 8), ("crop", 64), ("cutout", 8)])
def test_what_is_as_large_as_the_image_is_refused(name: str, value: int) -> None:
    recipe = TrainingConfig(augment=AugmentConfig(**{name: value}))
    with pytest.raises(
        ConfigError, match=rf"training\.augment\.{name} must be below the size of the images, 8, not {value}\."
    ):
        task().check(recipe, NetworkIO(1, 8, 10))


def test_largest_legal_crop(digits: DataBundle) -> None:
    recipe = TrainingConfig(augment=AugmentConfig(crop=7, cutout=7))
    task().check(recipe, NetworkIO(1, 8, 10))
    images = torch.arange(64, dtype=torch.uint8).view(1, 1, 8, 8).repeat(50, 1, 1, 1)
    assert augmented(images, recipe, replace(digits, mean=(63.0,))).max() < 64
