"""Normalisation, augmentation and metrics against the libraries that define them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn import metrics
from torch import nn

from nasflow.tasks.image_modules import ImageNetwork, classification_metrics, crop_and_flip


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def random_images(count: int, channels: int, height: int, width: int) -> torch.Tensor:
    return torch.randint(0, 256, (count, channels, height, width), generator=generator(9), dtype=torch.uint8)


class TestImageNetwork:
    def test_normalises_each_channel(self) -> None:
        network = ImageNetwork(nn.Identity(), [100.0, 50.0, 0.0], [10.0, 20.0, 255.0])
        images = torch.tensor([110, 90, 255], dtype=torch.uint8).view(1, 3, 1, 1)
        assert network(images).flatten().tolist() == pytest.approx([1.0, 2.0, 1.0])

    def test_statistics_travel_with_the_weights(self) -> None:
        saved = ImageNetwork(nn.Identity(), [100.0], [10.0]).state_dict()
        other = ImageNetwork(nn.Identity(), [0.0], [1.0])
        other.load_state_dict(saved)
        assert other(torch.full((1, 1, 1, 1), 110, dtype=torch.uint8)).item() == pytest.approx(1.0)

    def test_keeps_channels_last(self) -> None:
        network = ImageNetwork(nn.Identity(), [0.0] * 3, [1.0] * 3)
        images = random_images(2, 3, 8, 8).contiguous(memory_format=torch.channels_last)
        assert network(images).is_contiguous(memory_format=torch.channels_last)

    def test_logits_are_float32_whatever_the_body_gives(self) -> None:
        class Half(nn.Module):
            def forward(self, images: torch.Tensor) -> torch.Tensor:
                return images.to(torch.bfloat16)

        assert ImageNetwork(Half(), [0.0], [1.0])(random_images(1, 1, 2, 2)).dtype == torch.float32


class TestCropAndFlip:
    @pytest.mark.parametrize("channels_last", [False, True])
    @pytest.mark.parametrize(("channels", "height", "width"), [(3, 12, 12), (1, 8, 8), (3, 9, 14)])
    def test_every_result_is_a_crop_of_the_reflected_image(
        self, channels: int, height: int, width: int, channels_last: bool
    ) -> None:
        padding = 3
        images = random_images(40, channels, height, width)
        padded = torch.nn.functional.pad(images.float(), [padding] * 4, mode="reflect").byte()
        layout = torch.channels_last if channels_last else torch.contiguous_format
        changed = crop_and_flip(images.contiguous(memory_format=layout), generator(), padding, flip=True)
        for image, source in zip(changed, padded, strict=True):
            crops = source.unfold(1, height, 1).unfold(2, width, 1)  # (C, 7, 7, H, W)
            crops = crops.permute(1, 2, 0, 3, 4).reshape(-1, channels, height, width)
            candidates = torch.cat([crops, crops.flip(-1)])
            assert (candidates == image).flatten(1).all(dim=1).any()

    def test_both_memory_formats_agree(self) -> None:
        images = random_images(32, 3, 16, 16)
        straight = crop_and_flip(images, generator(5), 2, flip=True)
        last = crop_and_flip(images.contiguous(memory_format=torch.channels_last), generator(5), 2, flip=True)
        assert torch.equal(straight, last)

    def test_half_of_the_images_are_mirrored(self) -> None:
        """Of 2,000, the half within six standard deviations (22 each): false once in five hundred million."""
        images = torch.arange(8, dtype=torch.uint8).view(1, 1, 1, 8).expand(2000, 1, 8, 8)
        mirrored = int((crop_and_flip(images, generator(), 0, flip=True)[:, 0, 0, 0] == 7).sum())
        assert abs(mirrored - 1000) < 6 * 22.4

    def test_offsets_are_uniform_and_independent(self) -> None:
        """Each of 25 places has 400 of 10,000 in the mean, with a deviation of 19.6; six of them are allowed."""
        images = torch.zeros((10_000, 1, 16, 16), dtype=torch.uint8)
        images[:, :, 8, 8] = 255
        places = crop_and_flip(images, generator(), 2, flip=False).flatten(1).float().argmax(dim=1)
        seen, counts = places.unique(return_counts=True)
        assert seen.tolist() == [row * 16 + column for row in range(6, 11) for column in range(6, 11)]
        assert (counts - 400).abs().max() < 6 * 19.6

    def test_nothing_to_change(self) -> None:
        images = random_images(2, 1, 8, 8)
        assert crop_and_flip(images, generator(), 0, flip=False) is images

    def test_strided_batches(self) -> None:
        images = random_images(8, 3, 16, 16)
        strided = images[::2]
        expected = crop_and_flip(strided.contiguous(), generator(), 2, flip=True)
        assert torch.equal(crop_and_flip(strided, generator(), 2, flip=True), expected)


class TestMetrics:
    @pytest.mark.parametrize("classes", [2, 3, 10])
    @pytest.mark.parametrize("count", [7, 500])
    def test_equal_scikit_learns(self, classes: int, count: int) -> None:
        chance = np.random.default_rng(classes * count)
        targets = chance.integers(0, classes, count)
        logits = chance.normal(size=(count, classes)) + 1.5 * np.eye(classes)[targets]
        found = classification_metrics(torch.tensor(logits, dtype=torch.float32), torch.tensor(targets))
        predicted = logits.argmax(axis=1)
        exps = np.exp(logits - logits.max(axis=1, keepdims=True))
        assert found["accuracy"] == pytest.approx(metrics.accuracy_score(targets, predicted))
        assert found["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(targets, predicted))
        assert found["macro_f1"] == pytest.approx(metrics.f1_score(targets, predicted, average="macro"))
        probabilities = exps / exps.sum(axis=1, keepdims=True)
        loss = metrics.log_loss(targets, probabilities, labels=list(range(classes)))
        assert found["loss"] == pytest.approx(loss, rel=1e-4)

    def test_absent_classes_count_for_nothing(self) -> None:
        targets = torch.tensor([0, 0, 1])
        logits = torch.nn.functional.one_hot(targets, 5).float()
        found = classification_metrics(logits, targets)
        assert found["balanced_accuracy"] == 1
        assert found["macro_f1"] == 1
