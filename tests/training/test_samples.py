from __future__ import annotations

import numpy as np
import pytest
import torch

from nasflow.training.samples import Samples, batches, drawn_order, step_count
from nasflow.trials import Fidelity

CPU = torch.device("cpu")


class TestSamples:
    @pytest.fixture
    def train(self, bundle) -> Samples:
        return Samples(bundle, "train", CPU)

    def test_a_batch_is_what_is_stored(self, bundle, train):
        places = torch.tensor([5, 0, 17, 5])
        images, targets = train.batch(places)
        assert images.shape == (4, 1, 8, 8)
        assert images.dtype is torch.uint8
        assert np.array_equal(images.permute(0, 2, 3, 1).numpy(), bundle.images("train")[places.numpy()])
        assert np.array_equal(targets.numpy(), bundle.targets("train")[places.numpy()])

    def test_a_batch_is_channels_last(self, train):
        images, _ = train.batch(torch.arange(6))
        assert images.is_contiguous(memory_format=torch.channels_last)

    def test_in_order_yields_every_sample_once(self, bundle, train):
        parts = list(train.in_order(500))
        assert [len(targets) for _, targets in parts] == [500, 500, len(train) - 1000]
        images = torch.cat([images for images, _ in parts]).permute(0, 2, 3, 1)
        assert np.array_equal(images.numpy(), bundle.images("train"))

    def test_images_stay_in_the_file(self, train):
        """No copy: the tensor's memory is the mapped file's."""
        address = train._images.data_ptr()
        with open("/proc/self/maps") as maps:  # noqa: PTH123
            spans = [line for line in maps if "train_images" in line]
        bounds = [[int(part, 16) for part in line.split()[0].split("-")] for line in spans]
        assert any(low <= address < high for low, high in bounds)


class TestUsedSamples:
    def test_nests(self):
        counts = [Fidelity(1, 1, fraction).samples(1258) for fraction in (0.001, 0.01, 0.1, 0.5, 0.999, 1.0)]
        assert counts == [2, 13, 126, 629, 1257, 1258]

    def test_never_more_than_there_are(self):
        assert Fidelity(1, 1, 0.5).samples(1) == 1
        assert Fidelity(1, 1).samples(3) == 3


class TestOrder:
    def test_without_weights_each_comes_once(self):
        order = drawn_order(50, None, torch.Generator().manual_seed(3))
        assert order.sort().values.tolist() == list(range(50))
        assert order.tolist() != list(range(50))

    def test_with_weights_each_comes_by_its_own(self):
        """Of 1,000 draws, 250 are the one of weight 250, within six standard deviations of 13.7."""
        weights = torch.full((1000,), 750 / 999, dtype=torch.float64)
        weights[7] = 250.0
        order = drawn_order(1000, weights, torch.Generator().manual_seed(3))
        assert len(order) == 1000
        assert abs(int((order == 7).sum()) - 250) < 6 * 13.7

    def test_what_has_no_weight_never_comes(self):
        weights = torch.tensor([0.0, 1.0, 1.0], dtype=torch.float64)
        assert set(drawn_order(3, weights, torch.Generator().manual_seed(0)).tolist()) <= {1, 2}


class TestBatches:
    @pytest.mark.parametrize("samples", [2, 3, 5, 127, 128, 129, 255, 257, 1258, 10_001])
    @pytest.mark.parametrize("size", [2, 3, 64, 128, 8192])
    def test_cover_everything_evenly(self, samples, size):
        parts = batches(torch.arange(samples), size)
        sizes = [len(part) for part in parts]
        assert torch.equal(torch.cat(parts), torch.arange(samples))
        assert len(parts) == step_count(samples, size)
        assert max(sizes) - min(sizes) <= 1
        assert min(sizes) >= 2
        assert max(sizes) <= max(size, 3)

    def test_a_single_sample_is_one_batch(self):
        assert [len(part) for part in batches(torch.arange(1), 128)] == [1]

    def test_as_few_as_the_size_allows(self):
        assert step_count(1258, 128) == 10
        assert step_count(1280, 128) == 10
        assert step_count(1281, 128) == 11
