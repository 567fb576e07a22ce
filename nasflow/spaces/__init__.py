"""Search spaces as data, and the architectures in them."""

from nasflow.spaces.architecture import Architecture, Form
from nasflow.spaces.choices import Choice, Choices, ChoiceTree, Scalar
from nasflow.spaces.family import Family, Graph, NetworkCost, NetworkIO, Node, family_names, load_family
from nasflow.spaces.space import ENUMERABLE, Bound, SearchSpace
from nasflow.spaces.variation import cross, mutate, neighbours, vector

__all__ = [
    "ENUMERABLE",
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
    "cross",
    "family_names",
    "load_family",
    "mutate",
    "neighbours",
    "vector",
]
