"""`family`: an ordinary class or function with choices in it, made into a family."""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from pydantic import Field, create_model

from nasflow.config import Options
from nasflow.errors import PluginError, SpaceError
from nasflow.families.module.choosing import answering
from nasflow.families.module.source import code_digest
from nasflow.ids import canonical_json
from nasflow.plugins import nearest
from nasflow.spaces import Choice, Choices, Form, Graph, NetworkCost, NetworkIO

if TYPE_CHECKING:
    from torch import nn

_RUNS = 16
_COSTS_KEPT = 20_000


class ModuleFamily:
    """The networks of a constructor that makes its decisions by `nasflow.choose`; implements `spaces.Family`.

    The tree of choices is found by constructing the network on torch's meta device, which takes no memory, under
    different values: see `tree.find_tree`. A form holds the choices made and a digest of the code, so that a network of
    edited code is another one. Since the constructor is torch code, every step needs torch here.

    Args:
        construct: Takes a `NetworkIO` and gives a module: float32 (N, channels, size, size) in, (N, outputs) out.

    Raises:
        PluginError: It cannot be called.
    """

    imports_torch = True

    def __init__(self, construct: Callable[[NetworkIO], nn.Module]) -> None:
        if not callable(construct):
            raise PluginError(f"@family goes before a class or a function, not a {type(construct).__name__}.")
        self.construct = construct
        functools.update_wrapper(self, construct, updated=())
        self._tree = functools.lru_cache(maxsize=64)(self._found)
        self._cost = functools.lru_cache(maxsize=_COSTS_KEPT)(self._counted)

    def __call__(self, io: NetworkIO, choices: Choices | None = None) -> nn.Module:
        """Return one network, as outside a search: the values given, the first ones elsewhere.

        Args:
            io: What goes in and out.
            choices: Values by name of the choice.

        Raises:
            SpaceError: The constructor does not ask for one of the names, or does not offer its value.
        """
        with answering(choices or {}) as answers:
            network = self.construct(io)
        for name, value in (choices or {}).items():
            if name not in answers.asked:
                raise SpaceError(f"the network has no choice '{name}' here.{nearest(name, answers.asked)}")
            Choice(name, answers.asked[name].values).index(value)  # raises where it is not offered
        return network

    def __mro_entries__(self, bases: tuple[object, ...]) -> tuple[Any, ...]:
        """Let the class be a base of another one."""
        return (self.construct,)

    @functools.cached_property
    def Options(self) -> type[Options]:  # noqa: N802  # the protocol's name
        """The digest of the code, filled in: with it in the space, edited code is another search."""
        described = "Digest of the family's code, filled in; where it is written down, other code is refused."
        model: type[Options] = create_model(
            f"{self._name.title()}Options",
            __base__=Options,
            code=(str, Field(default=self.code, description=described)),
        )
        return model

    @functools.cached_property
    def code(self) -> str:
        """Digest of the code that is loaded."""
        return code_digest(self.construct.__module__)

    @property
    def _name(self) -> str:
        return getattr(self.construct, "__name__", type(self.construct).__name__)

    def choices(self, options: Any, io: NetworkIO) -> tuple[Choice, ...]:
        """Return the tree of choices that the constructor makes for some io.

        The default network and some random ones are run on two images as well.

        Raises:
            SpaceError: The constructor fails, what it asks for is no tree, or a network does not give logits.
        """
        self._check(options.code)
        return self._tree(NetworkIO(io.channels, io.size, io.outputs))

    def form(self, choices: Choices, options: Any) -> Form:
        """Return the choices made and the digest of the code.

        Raises:
            SpaceError: The options are of other code.
        """
        self._check(options.code)
        return {"code": options.code, "choices": dict(choices)}

    def cost(self, form: Form, io: NetworkIO) -> NetworkCost:
        """Return parameters and FLOPs of the built network, counted while one image runs on the meta device.

        Raises:
            SpaceError: The network fails.
            PluginError: The form is of other code.
        """
        return self._cost(canonical_json(self._made(form)), NetworkIO(io.channels, io.size, io.outputs))

    def graph(self, form: Form) -> Graph:
        """Return a drawing, traced on an image of a size that the network takes.

        Raises:
            SpaceError: The network fails for images of every usual size.
            PluginError: The form is of other code.
        """
        from nasflow.families.module.drawing import draw

        return draw(self.construct, self._made(form))

    def build(self, form: Form, io: NetworkIO) -> nn.Module:
        """Return the network, newly initialised: float32 (N, channels, size, size) to logits (N, outputs).

        Raises:
            SpaceError: The network asks for a choice that the form lacks.
            PluginError: The form is of other code.
        """
        from nasflow.families.module.tracing import built

        return built(self.construct, io, self._made(form))

    def check_outputs(self, form: Form, io: NetworkIO) -> None:
        """Run a network on two images of a size, and refuse it unless it gives logits for each.

        Raises:
            SpaceError: It does not.
            PluginError: The form is of other code.
        """
        from nasflow.families.module.tracing import check_outputs

        made, seen = self._made(form), NetworkIO(io.channels, io.size, io.outputs)
        with self._named():
            check_outputs(self.construct, seen, made)

    @contextlib.contextmanager
    def _named(self) -> Iterator[None]:
        """Say in the error which family it is of."""
        try:
            yield
        except SpaceError as error:
            raise SpaceError(f"family {self._name}: {error}") from error

    def _found(self, io: NetworkIO) -> tuple[Choice, ...]:
        import random

        from nasflow.families.module.tracing import asked, check_outputs
        from nasflow.families.module.tree import find_tree

        with self._named():
            tree = find_tree(lambda wanted: asked(self.construct, io, wanted))
            rng = random.Random(0)
            for wanted in (tree.completed({}), *(tree.completed({}, rng) for _ in range(_RUNS))):
                check_outputs(self.construct, io, wanted)
        return tree.choices

    def _counted(self, choices: str, io: NetworkIO) -> NetworkCost:
        from nasflow.families.module.counting import count
        from nasflow.families.module.tracing import visited

        return visited(self.construct, io, json.loads(choices), count)

    def _made(self, form: Form) -> Choices:
        """Return a form's choices; other code is no fault of the network's, and no trial may fail by it."""
        if form["code"] != self.code:
            raise PluginError(self._other(form["code"]))
        made: Choices = form["choices"]
        return made

    def _check(self, code: str) -> None:
        if code != self.code:
            raise SpaceError(self._other(code))

    def _other(self, code: str) -> str:
        return (
            f"family {self._name}: this is an architecture of other code than is installed now ({code}, not "
            f"{self.code}); bring that code back, or search again."
        )


def family(construct: Callable[[NetworkIO], nn.Module]) -> ModuleFamily:
    """Make a family of a class or function that decides by `choose`; a decorator.

    The result is what an entry point of the group `nasflow.families` names. Called with a `NetworkIO`, it still gives a
    network, and a class can still be subclassed.

    Args:
        construct: A class whose constructor takes a `NetworkIO`, or a function of one that gives a module: float32
            (N, channels, size, size) in, logits float32 (N, outputs) out.

    Raises:
        PluginError: It cannot be called.
    """
    return ModuleFamily(construct)
