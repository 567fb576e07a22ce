from __future__ import annotations

import random

import numpy as np
import torch

from nasflow.training.seeding import generator, seed_everything

CPU = torch.device("cpu")


def draws() -> tuple[float, float, float]:
    return random.random(), float(np.random.rand()), float(torch.rand(()))


def test_one_seed_is_for_all_generators() -> None:
    seed_everything(2**40 + 1)
    first = draws()
    seed_everything(2**40 + 1)
    assert draws() == first
    seed_everything(2**40 + 2)
    assert all(a != b for a, b in zip(draws(), first, strict=True))


def test_a_generator_is_its_parts_alone() -> None:
    seed_everything(0)
    before = torch.rand((), generator=generator(CPU, 1, "order", 2))
    torch.rand(5)
    assert torch.equal(torch.rand((), generator=generator(CPU, 1, "order", 2)), before)
    assert not torch.equal(torch.rand((), generator=generator(CPU, 1, "order", 3)), before)
