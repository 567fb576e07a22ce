"""What is known beforehand is what the authors published, and what torchvision itself says."""

from __future__ import annotations

import pytest
from torchvision import datasets

from nasflow.data.sources.torchvision_facts import KNOWN

PUBLISHED = {
    "CIFAR10": (50_000, 10_000, 10),
    "CIFAR100": (50_000, 10_000, 100),
    "MNIST": (60_000, 10_000, 10),
    "FashionMNIST": (60_000, 10_000, 10),
    "SVHN": (73_257, 26_032, 10),
    "STL10": (5_000, 8_000, 10),
}


@pytest.mark.parametrize("name", KNOWN)
def test_totals(name: str) -> None:
    known = KNOWN[name]
    assert (sum(known.train), sum(known.test), len(known.classes)) == PUBLISHED[name]
    assert len(known.train) == len(known.test) == len(set(known.classes)) == len(known.counts)
    assert sum(known.counts) == sum(PUBLISHED[name][:2])


@pytest.mark.parametrize("name", ["CIFAR10", "CIFAR100", "STL10"])
def test_names_of_objects_are_sorted_as_their_labels_are(name: str) -> None:
    assert list(KNOWN[name].classes) == sorted(KNOWN[name].classes)


def test_names_are_torchvisions_where_it_knows_them() -> None:
    assert list(KNOWN["FashionMNIST"].classes) == datasets.FashionMNIST.classes
    assert [name.split(" ")[0] for name in datasets.MNIST.classes] == list(KNOWN["MNIST"].classes)


def test_files_are_those_that_torchvision_asks_for() -> None:
    for name in ("CIFAR10", "CIFAR100", "STL10"):
        assert KNOWN[name].files == (getattr(datasets, name).filename,)
    for name in ("MNIST", "FashionMNIST"):
        assert KNOWN[name].files == tuple(file for file, _ in getattr(datasets, name).resources)
        assert {f"{file}.gz" for file in KNOWN[name].labels} <= set(KNOWN[name].files)
    assert KNOWN["SVHN"].files == tuple(datasets.SVHN.split_list[split][1] for split in ("train", "test"))
