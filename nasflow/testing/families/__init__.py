"""The contract of a family, as tests: subclass `FamilyContract` in a test module and name the family.

    class TestMine(FamilyContract):
        family = "mine"
        options = {"max_depth": 3}

The family is found by its entry point, as a search finds it.
"""

from nasflow.testing.families.contract import FamilyContract
from nasflow.testing.families.drawing import MOST_VERTICES, check_drawing
from nasflow.testing.families.forms import OUTPUTS, FormContract
from nasflow.testing.families.networks import batch, build, measured_cost, parameters, settle

__all__ = [
    "MOST_VERTICES",
    "OUTPUTS",
    "FamilyContract",
    "FormContract",
    "batch",
    "build",
    "check_drawing",
    "measured_cost",
    "parameters",
    "settle",
]
