"""The contract of a family: its forms, and the networks built from them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nasflow.ids import canonical_json
from nasflow.spaces import Architecture
from nasflow.testing.families.forms import OUTPUTS, FormContract
from nasflow.testing.families.networks import batch, build, measured_cost, parameters, settle

if TYPE_CHECKING:
    from torch import Tensor, nn


class FamilyContract(FormContract):
    """What every family has to keep; each test says what it is about. See `FormContract` for what to name."""

    @pytest.fixture(autouse=True)
    def one_thread(self) -> Iterator[None]:
        """Compute in one thread: networks this small gain nothing from more, and lose where processors are shared."""
        import torch

        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        yield
        torch.set_num_threads(threads)

    def networks(self, size: int | None = None, seed: int = 0) -> Iterator[tuple[Architecture, nn.Module, Tensor]]:
        """Yield the same, built, each with a batch of 4 images."""
        space = self.space(size=size)
        for architecture in self.architectures(space, seed):
            yield architecture, build(space, architecture), batch(space.io)

    def test_form_holds_all_that_matters(self) -> None:
        """Cost, drawing and network come from the form alone: one read back from JSON serves as well."""
        space = self.space()
        for architecture in self.architectures(space)[:4]:
            form = json.loads(canonical_json(architecture.form))
            assert space.provider.cost(form, space.io) == space.cost(architecture)
            assert space.provider.graph(form) == space.provider.graph(architecture.form)
            assert parameters(space.provider.build(form, space.io)) == space.cost(architecture).parameters

    def test_forms_are_left_alone(self) -> None:
        """Neither cost nor drawing nor build writes to the form."""
        space = self.space()
        for architecture in self.architectures(space)[:4]:
            before = canonical_json(architecture.form)
            space.cost(architecture)
            space.provider.graph(architecture.form)
            build(space, architecture)
            assert canonical_json(architecture.form) == before

    @pytest.mark.parametrize(("channels", "extra"), [(1, 0), (3, 1), (3, 8)])
    def test_cost_equals_the_built_network(self, channels: int, extra: int) -> None:
        """Parameters, and multiply-accumulates of convolutions and linear layers, are those of the real thing."""
        space = self.space(channels, self.smallest + extra)
        for architecture in self.architectures(space, seed=extra):
            network = build(space, architecture)
            assert measured_cost(network, space.io) == space.cost(architecture), architecture

    @pytest.mark.parametrize("channels", [1, 3])
    @pytest.mark.parametrize("size", [8, 9, 17, 33, 64, 97, 224])
    def test_every_size_of_image(self, channels: int, size: int) -> None:
        """The default and a random network are built for grey and colour images from the smallest to 224 pixels."""
        space = self.space(channels, max(size, self.smallest))
        for architecture in self.architectures(space, seed=size)[:2]:
            assert measured_cost(build(space, architecture), space.io) == space.cost(architecture), architecture

    def test_logits(self) -> None:
        """Logits are finite float32 of shape (N, outputs), for a batch of one too; the images are left as they were."""
        import torch

        for architecture, network, images in self.networks():
            before = images.clone()
            for mode in (True, False):
                logits = network.train(mode)(images)
                assert logits.shape == (4, OUTPUTS), architecture
                assert logits.dtype == torch.float32
                assert bool(torch.isfinite(logits).all()), architecture
            assert network(images[:1]).shape == (1, OUTPUTS)
            assert torch.equal(images, before), architecture

    def test_samples_are_judged_alone(self) -> None:
        """In evaluation, a sample's logits do not depend on the others in its batch."""
        import torch

        for architecture, network, images in islice(self.networks(seed=1), 6):
            settle(network, images)
            torch.testing.assert_close(
                network(images)[:1], network(images[:1]), rtol=1e-4, atol=1e-4, msg=str(architecture)
            )

    def test_channels_last(self) -> None:
        """The memory format changes no result beyond rounding."""
        import torch

        for architecture, network, images in islice(self.networks(seed=2), 6):
            settle(network, images)
            expected = network(images)
            last = torch.channels_last
            made = network.to(memory_format=last)(images.to(memory_format=last))
            torch.testing.assert_close(made, expected, rtol=1e-4, atol=1e-4, msg=str(architecture))

    def test_build_repeats_by_seed(self) -> None:
        """The same seed gives the same weights, another seed others."""
        import torch

        space = self.space()
        for architecture in self.architectures(space)[:4]:
            first, again, other = (build(space, architecture, seed).state_dict() for seed in (0, 0, 1))
            assert list(first) == list(again)
            assert all(torch.equal(first[name], again[name]) for name in first), architecture
            assert any(not torch.equal(first[name], other[name]) for name in first), architecture

    def test_gradient_reaches_every_parameter(self) -> None:
        """Nothing is counted that cannot be learned.

        Networks whose logits do not depend on the image (a cell without a path) are let off, but not all of them.
        """
        alive = 0
        for architecture, network, images in self.networks(seed=3):
            images.requires_grad_()
            network.train()(images).square().sum().backward()
            if images.grad is None or not bool(images.grad.abs().sum() > 0):
                continue
            alive += 1
            for name, parameter in network.named_parameters():
                assert parameter.grad is not None, f"{name} of {architecture}"
                assert bool(parameter.grad.abs().sum() > 0), f"{name} of {architecture}"
        assert alive > 0, "the logits of no sampled network depend on the image"

    def test_state_travels(self) -> None:
        """Weights and statistics loaded into another network of the form make it answer the same."""
        import torch

        space = self.space()
        for architecture, network, images in islice(self.networks(), 6):
            settle(network, images)
            other = build(space, architecture, seed=1).eval()
            other.load_state_dict(network.state_dict())
            assert torch.equal(other(images), network(images)), architecture

    def test_learns(self) -> None:
        """A few steps on one batch lower the loss of the default network."""
        import torch

        _, network, images = next(self.networks())
        targets = torch.arange(len(images)) % OUTPUTS
        optimiser = torch.optim.Adam(network.train().parameters(), 0.01)  # whatever the scale of the gradients
        losses = []
        for _ in range(40):
            loss = torch.nn.functional.cross_entropy(network(images), targets)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            losses.append(loss.item())
        assert losses[-1] < 0.8 * losses[0]

    def test_exports_to_onnx(self, tmp_path: Path) -> None:
        """The default and a random network answer the same in ONNX Runtime, in batches of any size."""
        import numpy as np
        import torch
        from torch import nn

        from nasflow.exporting import export_onnx, verify_onnx

        class Scaled(nn.Module):
            def __init__(self, network: nn.Module) -> None:
                super().__init__()
                self.network = network

            def forward(self, pixels: torch.Tensor) -> torch.Tensor:
                logits: torch.Tensor = self.network(pixels.float() / 64 - 2)
                return logits

        space = self.space(size=self.smallest + 1)
        pixels = np.random.default_rng(0).integers(0, 256, (5, space.io.size, space.io.size, 3), np.uint8)
        for architecture in self.architectures(space, seed=4)[:2]:
            network = Scaled(build(space, architecture)).eval()
            export_onnx(network, space.io, tmp_path / "network.onnx")
            verify_onnx(tmp_path / "network.onnx", network, pixels)
