from __future__ import annotations

from nasflow.testing.families import FamilyContract


class TestNasnet(FamilyContract):
    family = "nasnet"
