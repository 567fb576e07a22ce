"""The contract of a family, as tests: subclass `FamilyContract` in a test module and name the family.

    class TestMine(FamilyContract):
        family = "mine"
        options = {"max_depth": 3}

The family is found by its entry point, as a search finds it.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping
from itertools import count, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from nasflow.ids import canonical_json
from nasflow.spaces import Architecture, Graph, NetworkCost, NetworkIO, SearchSpace, family_names

if TYPE_CHECKING:
    from torch import Tensor, nn

OUTPUTS = 5
MOST_VERTICES = 40

_WITHOUT_TORCH = """
import json, sys
from nasflow.spaces import NetworkIO, SearchSpace
space = SearchSpace.of(sys.argv[1], NetworkIO(3, 32, 5), json.loads(sys.argv[2]))
architecture = space.architecture(space.tree.assignment(0))
space.cost(architecture), space.provider.graph(architecture.form)
own = ("torch",) if getattr(space.provider, "imports_torch", False) else ()
print([name for name in ("torch", "mlflow", "kfp", "sklearn") if name in sys.modules and name not in own])
"""


class FamilyContract:
    """What every family has to keep; each test says what it is about.

    Attributes:
        family: Name of the family.
        options: Its options.
        samples: How many random networks a test looks at, beside the default one.
        smallest: Smallest image a network of this family is built for, in pixels.
    """

    family: str
    options: Mapping[str, Any] = {}
    samples: int = 16
    smallest: int = 8

    @pytest.fixture(autouse=True)
    def one_thread(self) -> Iterator[None]:
        """Compute in one thread: networks this small gain nothing from more, and lose where processors are shared."""
        import torch

        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        yield
        torch.set_num_threads(threads)

    def space(self, channels: int = 3, size: int | None = None) -> SearchSpace:
        """Return the family's space for images of a size, by default the smallest."""
        io = NetworkIO(channels, size or self.smallest, OUTPUTS)
        return SearchSpace.of(self.family, io, self.options)

    def architectures(self, space: SearchSpace, seed: int = 0) -> list[Architecture]:
        """Return the default network and random ones."""
        rng = random.Random(seed)
        default = space.architecture(space.tree.assignment(0))
        return [default, *(space.sample(rng) for _ in range(self.samples))]

    def networks(self, size: int | None = None, seed: int = 0) -> Iterator[tuple[Architecture, nn.Module, Tensor]]:
        """Yield the same, built, each with a batch of 4 images."""
        space = self.space(size=size)
        for architecture in self.architectures(space, seed):
            yield architecture, build(space, architecture), batch(space.io)

    def test_is_installed(self) -> None:
        """It is found by its entry point."""
        assert self.family in family_names()

    def test_choices_are_a_legal_tree(self) -> None:
        """Assignments are numbered without gaps, and each is legal."""
        tree = self.space().tree
        rng = random.Random(0)
        assert tree.size >= 1
        for number in (0, tree.size - 1, *(rng.randrange(tree.size) for _ in range(50))):
            assignment = tree.assignment(number)
            assert tree.checked(assignment) == assignment
            assert tree.number(assignment) == number

    def test_space_is_json(self) -> None:
        """A space read back is the same, and gives the same networks."""
        space = self.space()
        again = SearchSpace.from_json(json.loads(canonical_json(space.to_json())))
        assert again.id == space.id
        assert again.architecture(again.tree.assignment(0)) == space.architecture(space.tree.assignment(0))

    def test_forms_are_json_and_stable(self) -> None:
        """A form read back is equal to the form, and the same choices give it again."""
        space = self.space()
        for architecture in self.architectures(space):
            assert json.loads(canonical_json(architecture.form)) == architecture.form
            assert Architecture.from_json(json.loads(canonical_json(architecture.to_json()))) == architecture
            assert self.space().architecture(architecture.choices) == architecture

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

    def test_needs_no_torch_before_build(self) -> None:
        """Choices, form, cost and drawing import nothing heavy, so that steps without torch stay fast.

        A family may say `imports_torch = True`, as those made by `nasflow.family` do; then torch is let off.
        """
        command = [sys.executable, "-c", _WITHOUT_TORCH, self.family, json.dumps(dict(self.options))]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
        assert result.stdout.strip() == "[]", f"imported without need: {result.stdout}"

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

    def test_drawing(self) -> None:
        """The drawing is a graph from one source to one sink, without cycles or loose ends, small enough to read."""
        space = self.space(size=224)
        for architecture in self.architectures(space):
            check_drawing(space.provider.graph(architecture.form))


def batch(io: NetworkIO, size: int = 4) -> Tensor:
    """Return random images, float32 (size, channels, size, size), the same at each call."""
    import torch

    return torch.randn(size, io.channels, io.size, io.size, generator=torch.Generator().manual_seed(0))


def build(space: SearchSpace, architecture: Architecture, seed: int = 0) -> nn.Module:
    """Return a network with the weights of a seed."""
    import torch

    torch.manual_seed(seed)
    return space.provider.build(architecture.form, space.io)


def settle(network: nn.Module, images: Tensor) -> None:
    """Let running statistics see a batch, then switch to evaluation."""
    import torch

    with torch.no_grad():
        network.train()(images)
    network.eval()


def parameters(network: nn.Module) -> int:
    """Return the number of trainable parameters."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)


def measured_cost(network: nn.Module, io: NetworkIO) -> NetworkCost:
    """Return parameters, and multiply-accumulates counted in convolutions and linear layers as one image goes by."""
    import torch
    from torch import nn

    flops = 0

    def counted(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal flops
        weight = module.weight
        assert isinstance(weight, torch.Tensor)
        # A convolution applies all its weights once at each place of its output, a linear layer once a row.
        places = output[0, 0].numel() if isinstance(module, nn.Conv2d) else output.numel() // output.shape[-1]
        flops += weight.numel() * places

    layers = [module for module in network.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    handles = [layer.register_forward_hook(counted) for layer in layers]
    with torch.no_grad():
        network.eval()(batch(io, 1))
    for handle in handles:
        handle.remove()
    return NetworkCost(parameters(network), flops)


def check_drawing(graph: Graph) -> None:
    """Fail where a drawing is not one connected graph without cycles, from one source to one sink."""
    names = [node.id for node in graph.nodes]
    assert len(set(names)) == len(names), "two vertices share an id"
    assert 2 <= len(names) < MOST_VERTICES, f"{len(names)} vertices"
    assert all(node.label for node in graph.nodes), "a vertex has no label"
    assert len(set(graph.edges)) == len(graph.edges), "an edge is drawn twice"
    assert {end for edge in graph.edges for end in edge} == set(names), "an edge or a vertex hangs in the air"
    assert len(set(names) - {head for _, head in graph.edges}) == 1, "not one source"
    assert len(set(names) - {tail for tail, _ in graph.edges}) == 1, "not one sink"
    left = set(graph.edges)
    for _ in count():
        heads = {head for _, head in left}
        free = {edge for edge in left if edge[0] not in heads}
        if not free:
            break
        left -= free
    assert not left, f"a cycle among {sorted(left)}"
