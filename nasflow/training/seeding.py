"""Everything random in a training comes from seeds alone."""

from __future__ import annotations

import random

import numpy as np
import torch

from nasflow.ids import seed_of


def seed_everything(seed: int) -> None:
    """Seed every generator that a network's code may draw from."""
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)


def generator(device: torch.device, *parts: int | str) -> torch.Generator:
    """Return a generator of its own on a device, seeded by any parts."""
    return torch.Generator(device).manual_seed(seed_of(*parts))
