"""Search spaces as data, and the architectures in them."""

from nasflow.spaces.architecture import Architecture, Form
from nasflow.spaces.beside import RECIPE, RESOLUTION
from nasflow.spaces.choices import Choice, Choices, ChoiceTree, Scalar
from nasflow.spaces.family import (
    Family,
    Graph,
    NetworkCost,
    NetworkIO,
    Node,
    cost_of,
    family_names,
    known_cost,
    load_family,
    seen_by,
    takes_any_size,
)
from nasflow.spaces.space import ENUMERABLE, Bound, SearchSpace
from nasflow.spaces.variation import cross, mutate, neighbours, vector

__all__ = [
    "ENUMERABLE",
    "RECIPE",
    "RESOLUTION",
    "Architecture",
    "Bound",
    "Choice",
    "ChoiceTree",
    "Choices",
    "Family",
    "Form",
    "Graph",
    "NetworkCost",
    "NetworkIO",
    "Node",
    "Scalar",
    "SearchSpace",
    "cost_of",
    "cross",
    "family_names",
    "known_cost",
    "load_family",
    "mutate",
    "neighbours",
    "seen_by",
    "takes_any_size",
    "vector",
]
