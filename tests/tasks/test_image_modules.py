"""Normalisation, augmentation and metrics against the libraries that define them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn import metrics
from sklearn.utils.class_weight import compute_class_weight
from torch import nn

from nasflow.tasks.image_modules import CrossEntropy, ImageNetwork, class_weights, classification_metrics


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


class TestCrossEntropy:
    LOGITS = torch.randn((64, 5), generator=generator(1))
    TARGETS = torch.randint(0, 5, (64,), generator=generator(2))
    WEIGHTS = torch.tensor([0.5, 2.0, 1.0, 0.1, 3.0])

    @pytest.mark.parametrize("smoothing", [0.0, 0.1])
    def test_is_torchs_without_weights(self, smoothing: float) -> None:
        expected = nn.CrossEntropyLoss(label_smoothing=smoothing)(self.LOGITS, self.TARGETS)
        assert torch.equal(CrossEntropy(smoothing)(self.LOGITS, self.TARGETS), expected)

    def test_a_weight_counts_a_sample_so_often(self) -> None:
        each = nn.CrossEntropyLoss(reduction="none")(self.LOGITS, self.TARGETS)
        expected = sum(float(self.WEIGHTS[t]) * float(e) for t, e in zip(self.TARGETS, each, strict=True)) / 64
        assert float(CrossEntropy(0.0, self.WEIGHTS)(self.LOGITS, self.TARGETS)) == pytest.approx(expected, rel=1e-5)

    @pytest.mark.parametrize("weights", [None, WEIGHTS])
    @pytest.mark.parametrize("smoothing", [0.0, 0.1])
    def test_the_loss_of_mixed_targets_is_the_mixed_loss(self, smoothing: float, weights: torch.Tensor | None) -> None:
        loss, ratio, other = CrossEntropy(smoothing, weights), 0.3, self.TARGETS.flip(0)
        shares = torch.nn.functional.one_hot(torch.stack([self.TARGETS, other]), 5).float()
        expected = ratio * loss(self.LOGITS, self.TARGETS) + (1 - ratio) * loss(self.LOGITS, other)
        torch.testing.assert_close(loss(self.LOGITS, ratio * shares[0] + (1 - ratio) * shares[1]), expected)


class TestClassWeights:
    def test_are_scikit_learns(self) -> None:
        targets = np.random.default_rng(0).choice(4, 200, p=[0.7, 0.2, 0.08, 0.02])
        known = compute_class_weight("balanced", classes=np.arange(4), y=targets)
        assert class_weights(torch.tensor(targets)).tolist() == pytest.approx(known.tolist())

    def test_a_class_without_samples_counts_for_nothing(self) -> None:
        assert class_weights(torch.tensor([0, 0, 0, 2]), 5).tolist() == pytest.approx([2 / 3, 0, 2, 0, 0])


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
