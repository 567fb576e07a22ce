"""Families made of ordinary modules, installed as a stranger's package is."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from nasflow import plugins
from nasflow.errors import PluginError, SpaceError
from nasflow.families.module.space import ModuleFamily, family
from nasflow.ids import canonical_json
from nasflow.spaces import Architecture, Choice, NetworkIO, SearchSpace, load_family
from nasflow.testing.families import FamilyContract, measured_cost
from nasflow.testing.plugins import installed

EXAMPLE = Path(__file__).resolve().parents[3] / "examples/own_family"
IO = NetworkIO(1, 8, 10)

NETS = '''
from torch import nn
from nasflow import choose, family

@family
def plain(io):
    """A function."""
    return nn.Sequential(nn.Flatten(), nn.Linear(io.channels * io.size**2, choose("width", 64, 128)), nn.ReLU(),
                         nn.LazyLinear(io.outputs))

class Residual(nn.Module):
    def __init__(self, width, kind):
        super().__init__()
        self.norm = nn.BatchNorm2d(width)
        groups = width if kind == "depthwise" else 1
        self.conv = nn.Conv2d(width, width, 3, padding=1, groups=groups, bias=False)
    def forward(self, x):
        return x + self.conv(self.norm(x).relu())

@family
class Stages(nn.Module):
    """Stages of residual blocks, each at half the size of the one before it."""
    def __init__(self, io):
        super().__init__()
        width = choose("width", 16, 8)
        layers = [nn.Conv2d(io.channels, width, 3, padding=1)]
        for stage in range(choose("stages", 2, 1, 3)):
            kind = choose(f"stage{stage}.kind", "plain", "depthwise")
            layers += [Residual(width, kind) for _ in range(choose(f"stage{stage}.depth", 1, 2))]
            if kind == "plain" and choose(f"stage{stage}.pool", False, True):
                layers.append(nn.AvgPool2d(2, ceil_mode=True))
        self.body = nn.Sequential(*layers)
        self.last = nn.Linear(width, io.outputs)
    def forward(self, x):
        return self.last(self.body(x).mean((2, 3)))

@family
class Wrong(nn.Module):
    def __init__(self, io):
        super().__init__()
        self.last = nn.Linear(io.channels, choose("outputs", io.outputs, 7))
    def forward(self, x):
        return self.last(x.mean((2, 3)))

@family
def entangled(io):
    if choose("a", 1, 2) == choose("b", 1, 2):
        choose("c", 1, 2)
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(io.outputs))

@family
class Picky(nn.Module):
    """Its larger kernel needs larger images."""
    def __init__(self, io):
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(io.channels, 8, choose("kernel", 3, 11)), nn.AdaptiveAvgPool2d(1),
                                 nn.Flatten(), nn.Linear(8, io.outputs))
    def forward(self, x):
        return self.net(x)

@family
def changing(io):
    width = choose("width", 8, 16) if io.size > 8 else choose("thin", 2, 4)
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(width), nn.Linear(width, io.outputs))

class Undecorated(nn.Module):
    pass
'''
NAMES = ("plain", "Stages", "Wrong", "entangled", "Picky", "changing", "Undecorated")


@pytest.fixture(scope="module", autouse=True)
def strangers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("strangers")
    (folder / "tiny.py").write_text((EXAMPLE / "tiny.py").read_text())
    (folder / "strangers_nets.py").write_text(NETS)
    entries = {name.lower(): f"strangers_nets:{name}" for name in NAMES}
    with installed(folder, {"families": {"tiny": "tiny:Tiny", **entries}}, "strangers"):
        yield folder
    for name in ("tiny", "strangers_nets"):
        sys.modules.pop(name, None)


class TestTiny(FamilyContract):
    """The example, ten lines long."""

    family = "tiny"
    samples = 6


class TestFunction(FamilyContract):
    """A function, with a layer that learns its size when it runs."""

    family = "plain"
    samples = 1
    test_needs_no_torch_before_build = None  # a process each; the example's is enough


class TestStages(FamilyContract):
    """Conditions on conditions, functional operations, blocks of one's own."""

    family = "stages"
    samples = 4
    test_needs_no_torch_before_build = None


def loaded(name: str) -> ModuleFamily:
    found = load_family(name)
    assert isinstance(found, ModuleFamily)
    return found


def test_the_example_is_short() -> None:
    lines = (EXAMPLE / "tiny.py").read_text().partition("@family")[2].strip().splitlines()
    code = [line for line in lines if line.strip() and '"""' not in line]
    assert len(code) == 11


def test_the_tree_of_the_example() -> None:
    tree = SearchSpace.of("tiny", IO).tree
    assert [(c.name, c.values, c.parent, c.when) for c in tree] == [
        ("width", (16, 32, 48), None, ()),
        ("depth", (1, 2, 3), None, ()),
        ("kernel0", (3, 5), None, ()),
        ("kernel1", (3, 5), "depth", (2, 3)),
        ("kernel2", (3, 5), "depth", (3,)),
    ]
    assert tree.size == 3 * (2 + 4 + 8)


def test_choices_can_be_restricted() -> None:
    tree = SearchSpace.of("tiny", IO, restrictions={"depth": [1], "width": [32, 16]}).tree
    assert [(c.name, c.values) for c in tree] == [("width", (16, 32)), ("depth", (1,)), ("kernel0", (3, 5))]


def test_cost_by_hand() -> None:
    space = SearchSpace.of("tiny", IO)
    cost = space.cost(space.architecture({"width": 16, "depth": 1, "kernel0": 5}))
    assert cost.parameters == 16 * 10 + 16 * (16 * 25 + 1) + 2 * 16 + 17 * 10
    assert cost.flops == 64 * 16 * 9 + 64 * 16 * 16 * 25 + 160


def test_costs_are_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    space, constructed = SearchSpace.of("tiny", IO), []
    made = space.architecture({"width": 48, "depth": 1, "kernel0": 3})
    tiny = loaded("tiny")
    real = tiny.construct
    monkeypatch.setattr(tiny, "construct", lambda io: constructed.append(io) or real(io))
    assert space.cost(made) == space.cost(made)
    assert len(constructed) == 1


def test_outside_a_search_it_gives_a_network() -> None:
    tiny = loaded("tiny")
    assert tiny.__doc__ == "A few convolutions."
    assert tiny(IO)(torch.zeros(2, 1, 8, 8)).shape == (2, 10)
    assert len(tiny(IO, {"depth": 3}).net) == 2 + 3 * 3 + 3
    with pytest.raises(SpaceError, match=r"the network has no choice 'kernel2' here\. Did you mean 'kernel1'\?"):
        tiny(IO, {"depth": 2, "kernel2": 5})
    with pytest.raises(SpaceError, match=r"width: 33 is none of \[16, 32, 48\]"):
        tiny(IO, {"width": 33})


def test_it_can_be_subclassed() -> None:
    class Wider(loaded("tiny")):  # type: ignore[misc]
        pass

    wider = Wider(IO)
    assert isinstance(wider, nn.Module)
    assert wider(torch.zeros(1, 1, 8, 8)).shape == (1, 10)


def test_edited_code_is_another_architecture_space_and_search(strangers: Path) -> None:
    space = SearchSpace.of("tiny", IO)
    before, document = space.at(0), json.loads(canonical_json(space.to_json()))
    path = strangers / "tiny.py"
    original = path.read_text()
    path.write_text(original.replace("nn.ReLU()", "nn.GELU()"))
    try:
        _reload()
        edited = SearchSpace.of("tiny", IO)
        assert edited.tree == space.tree
        assert edited.id != space.id
        assert edited.at(0).id != before.id
        assert "GELU" in str(edited.provider.build(edited.at(0).form, IO))
        calls = (
            (PluginError, lambda: edited.provider.build(before.form, IO)),
            (PluginError, lambda: edited.provider.cost(before.form, IO)),
            (PluginError, lambda: edited.known_cost(before)),  # the environment is wrong, not the network
            (PluginError, lambda: edited.provider.graph(before.form)),
            (SpaceError, lambda: SearchSpace.from_json(document).at(0)),
            (SpaceError, lambda: SearchSpace.of("tiny", IO, {"code": before.form["code"]})),
        )
        for error, call in calls:
            with pytest.raises(error, match=rf"other code than is installed now \({before.form['code']}, not "):
                call()
    finally:
        path.write_text(original)
        _reload()
    again = SearchSpace.of("tiny", IO)
    assert again.at(0) == before
    assert again.id == space.id
    assert Architecture.from_json(before.to_json()) == again.at(0)


def _reload() -> None:
    sys.modules.pop("tiny", None)
    plugins.load.cache_clear()


def test_options_hold_the_code_and_nothing_else() -> None:
    options = loaded("tiny").Options
    assert options().model_dump() == {"code": loaded("tiny").code}
    with pytest.raises(ValidationError):
        options.model_validate({"width": 3})


def test_a_network_without_logits_is_refused_at_the_door() -> None:
    with pytest.raises(SpaceError, match=r"family Wrong: the network gives float32 \(2, 7\) .* with outputs=7\.$"):
        SearchSpace.of("wrong", IO)


def test_what_is_no_tree_is_refused_at_the_door() -> None:
    with pytest.raises(SpaceError, match="family entangled: whether choice 'c' exists depends on 'b' and 'a' at once"):
        SearchSpace.of("entangled", IO)


def test_images_a_network_cannot_take_are_refused_at_the_door() -> None:
    deep = family(lambda io: nn.Sequential(nn.Conv2d(io.channels, 8, 11), nn.Flatten(), nn.LazyLinear(io.outputs)))
    options = deep.Options()
    with pytest.raises(
        SpaceError, match="fails for images of 8×8 pixels and 3 channels: RuntimeError: Calculated padded"
    ):
        deep.choices(options, NetworkIO(3, 8, 5))
    assert deep.choices(options, NetworkIO(3, 16, 5)) == ()


def test_a_class_without_the_decorator_is_refused() -> None:
    with pytest.raises((PluginError, AttributeError, TypeError)):
        load_family("undecorated")
    with pytest.raises(PluginError, match="@family goes before a class or a function, not a str"):
        family("tiny")  # type: ignore[arg-type]


@pytest.mark.parametrize("channels", [1, 3])
def test_random_weights_are_left_alone_by_looking(channels: int) -> None:
    space = SearchSpace.of("stages", NetworkIO(channels, 8, 5))
    made = space.at(space.size - 1)
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    SearchSpace.of("stages", NetworkIO(channels, 9, 5))
    cost = space.cost(made)
    space.provider.graph(made.form)
    assert torch.equal(torch.rand(3), expected)
    assert measured_cost(space.provider.build(made.form, space.io), space.io) == cost


def test_nasflow_offers_both_without_importing_torch() -> None:
    code = "import sys; from nasflow import choose, family; print(choose('a', 1, 2), 'torch' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["1", "False"]


def test_a_size_that_a_network_cannot_take_is_refused_where_it_is_a_resolution_offered() -> None:
    resolutions = Choice("input.resolution", (32, 12, 8))
    with pytest.raises(
        SpaceError, match=r"^family Picky: the network fails for images of 8×8 pixels and 3 channels with kernel=11: "
    ):
        SearchSpace.of("picky", NetworkIO(3, 32, 5), beside=[resolutions])
    narrowed = SearchSpace.of("picky", NetworkIO(3, 32, 5), restrictions={"kernel": [3]}, beside=[resolutions])
    assert narrowed.size == 3


def test_a_choice_that_a_smaller_image_alone_asks_for_is_refused() -> None:
    small = Choice("input.resolution", (32, 8))
    with pytest.raises(SpaceError, match="the network asks for choice 'thin', which its description lacks"):
        SearchSpace.of("changing", NetworkIO(3, 32, 5), beside=[small])
