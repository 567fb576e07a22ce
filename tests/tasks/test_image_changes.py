"""What happens to training images: each change by what is left of the image, and in both memory formats."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import one_hot

from nasflow.tasks.image_changes import ImageAugmenter, beta, crop_and_flip, cut_out, mixed, resized

CPU = torch.device("cpu")


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def random_images(count: int, channels: int, height: int, width: int) -> torch.Tensor:
    return torch.randint(0, 256, (count, channels, height, width), generator=generator(9), dtype=torch.uint8)


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


class TestCutOut:
    GREY = (10.4, 20.6, 30.0)

    @pytest.mark.parametrize("side", [1, 2, 5, 8, 15])
    def test_greys_out_one_square_and_nothing_else(self, side: int) -> None:
        images = torch.full((100, 3, 16, 16), 200, dtype=torch.uint8)
        changed = cut_out(images, generator(), side, self.GREY)
        gone = changed[:, 0] == 10
        assert torch.equal(changed[:, 1] == 21, gone)
        assert torch.equal(changed[:, 2] == 30, gone)
        assert bool((changed.permute(0, 2, 3, 1)[~gone] == 200).all())
        for image in gone:
            rows, columns = image.any(1), image.any(0)
            assert torch.equal(image, rows[:, None] & columns[None, :])
            for line in (rows, columns):
                places = line.nonzero().flatten()
                assert len(places) == int(places[-1] - places[0]) + 1
                touches = places[0] == 0 or places[-1] == 15
                assert len(places) == side or (touches and (side + 1) // 2 <= len(places) <= side)

    def test_centres_are_uniform(self) -> None:
        """Each of 64 pixels is the centre in 156 of 10,000, with a deviation of 12.4; six of them are allowed."""
        images = torch.full((10_000, 1, 8, 8), 9, dtype=torch.uint8)
        gone = cut_out(images, generator(), 1, (0.0,)) == 0
        assert (gone.sum(dim=0) - 156.25).abs().max() < 6 * 12.4

    def test_both_memory_formats_and_strides_agree(self) -> None:
        images = random_images(32, 3, 16, 16)
        straight = cut_out(images, generator(5), 6, self.GREY)
        last = cut_out(images.contiguous(memory_format=torch.channels_last), generator(5), 6, self.GREY)
        assert straight.is_contiguous()
        assert last.is_contiguous(memory_format=torch.channels_last)
        assert torch.equal(straight, last)
        assert torch.equal(
            cut_out(images[::2], generator(5), 6, self.GREY).contiguous(),
            cut_out(images[::2].contiguous(), generator(5), 6, self.GREY),
        )

    def test_floats_get_the_exact_mean(self) -> None:
        images = torch.zeros((20, 3, 8, 8))
        assert cut_out(images, generator(), 4, self.GREY)[:, 0].unique().tolist() == pytest.approx([0.0, 10.4])


class TestResized:
    def test_a_constant_image_stays_what_it_is(self) -> None:
        for images in (torch.full((2, 3, 16, 16), 77, dtype=torch.uint8), torch.full((2, 3, 16, 16), 77.0)):
            changed = resized(images, 12)
            assert changed.shape == (2, 3, 12, 12)
            assert changed.dtype == images.dtype
            assert bool((changed == 77).all())

    def test_half_the_size_has_the_same_mean(self) -> None:
        images = random_images(50, 3, 32, 32)
        assert float(resized(images, 16).float().mean()) == pytest.approx(float(images.float().mean()), abs=0.5)

    def test_fine_stripes_do_not_survive_as_coarse_ones(self) -> None:
        """Without antialiasing, every second column of stripes would be all black or all white."""
        stripes = (torch.arange(32) % 2 * 255).to(torch.uint8).expand(1, 1, 32, 32)
        inner = resized(stripes.contiguous(), 16)[..., 2:-2].float()
        assert inner.sub(127.5).abs().max() < 40

    def test_bytes_and_floats_agree(self) -> None:
        images = random_images(8, 3, 32, 32).contiguous(memory_format=torch.channels_last)
        small = resized(images, 24)
        assert small.is_contiguous(memory_format=torch.channels_last)
        assert (small.float() - resized(images.float(), 24)).abs().max() <= 1.0

    def test_nothing_to_change(self) -> None:
        images = random_images(2, 1, 8, 8)
        assert resized(images, 8) is images


class TestMixed:
    def test_images_and_targets_are_mixed_alike(self) -> None:
        images, targets = random_images(9, 3, 8, 8), one_hot(torch.arange(9), 9).float()
        changed, shares = mixed(images, targets, generator(3), 0.5)
        ratio = float(shares[0, 0])
        assert 0 < ratio < 1
        for place in range(9):
            other = 8 - place
            expected = ratio * images[place].float() + (1 - ratio) * images[other].float()
            torch.testing.assert_close(changed[place], expected)
            assert float(shares[place, place]) == pytest.approx(1.0 if place == other else ratio)
        torch.testing.assert_close(shares.sum(dim=1), torch.ones(9))

    def test_the_memory_format_stays(self) -> None:
        images = random_images(4, 3, 8, 8).contiguous(memory_format=torch.channels_last)
        assert mixed(images, torch.eye(4), generator(), 1.0)[0].is_contiguous(memory_format=torch.channels_last)

    @pytest.mark.parametrize("alpha", [0.2, 1.0, 5.0])
    def test_the_ratio_is_betas(self, alpha: float) -> None:
        """Mean 1/2 and variance 1 / (4 (2 alpha + 1)) of 4,000 draws, within six standard errors."""
        chance = generator(7)
        drawn = torch.stack([beta(alpha, chance, CPU) for _ in range(4000)]).double()
        variance = 1 / (4 * (2 * alpha + 1))
        assert bool(((drawn >= 0) & (drawn <= 1)).all())
        assert abs(float(drawn.mean()) - 0.5) < 6 * (variance / 4000) ** 0.5
        assert float(drawn.var()) == pytest.approx(variance, rel=6 * (2 / 4000) ** 0.5)

    def test_an_alpha_too_small_for_numbers_mixes_nothing(self) -> None:
        chance = generator()
        drawn = [float(beta(1e-4, chance, CPU)) for _ in range(200)]
        assert all(min(ratio, 1 - ratio) < 1e-6 for ratio in drawn)


def test_the_augmenter_does_all_in_turn() -> None:
    augment = ImageAugmenter(crop=2, flip=True, cutout=6, mixup=0.4, grey=(0.0,), classes=3)
    images, targets = random_images(12, 1, 16, 16), torch.arange(12) % 3
    changed, shares = augment(images, targets, generator(), 12)
    assert changed.shape == (12, 1, 12, 12)
    assert changed.dtype == torch.float32
    assert shares.shape == (12, 3)
    plain, same = ImageAugmenter(2, True, 0, 0.0, (0.0,), 3)(images, targets, generator(), 16)
    assert torch.equal(plain, crop_and_flip(images, generator(), 2, True))
    assert same is targets
