"""Families made of ordinary modules, installed as a stranger's package is."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nasflow.spaces import NetworkIO, SearchSpace, load_family
from nasflow.testing.families import FamilyContract
from nasflow.testing.plugins import installed

EXAMPLE = Path(__file__).resolve().parents[3] / "examples/own_family"
IO = NetworkIO(1, 8, 10)


@pytest.fixture(scope="module", autouse=True)
def strangers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("strangers")
    (folder / "tiny.py").write_text((EXAMPLE / "tiny.py").read_text())
    with installed(folder, {"families": {"tiny": "tiny:Tiny"}}, "strangers"):
        yield
    sys.modules.pop("tiny", None)


class TestTiny(FamilyContract):
    family = "tiny"


def test_the_tree_of_the_example() -> None:
    tree = SearchSpace.of("tiny", IO).tree
    assert [(c.name, c.values, c.parent, c.when) for c in tree] == [
        ("width", (16, 32, 48), None, ()),
        ("depth", (1, 2, 3), None, ()),
        ("kernel0", (3, 5), None, ()),
        ("kernel1", (3, 5), "depth", (2, 3)),
        ("kernel2", (3, 5), "depth", (3,)),
    ]
    print(load_family("tiny").graph(SearchSpace.of("tiny", IO).at(40).form))
