"""Options that belong together and that several commands have: each group reaches its command as one argument."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Container
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nasflow.cli.arguments import AllowTag, CaFile, DeviceKind, Host, Image, Namespace, PodStore, Refresh, TokenFile

if TYPE_CHECKING:
    from nasflow.config import SearchConfig
    from nasflow.pipelines.cluster.connection import Access

_IMAGE = "Image"

CheckImage = Annotated[
    bool,
    typer.Option(
        "--check-image/--no-check-image",
        help="Ask the image's registry for its digest, and whether it has what the search uses.",
        rich_help_panel=_IMAGE,
    ),
]

PlainHttp = Annotated[
    bool, typer.Option("--plain-http", help="The image's registry speaks HTTP without TLS.", rich_help_panel=_IMAGE)
]

RegistryCa = Annotated[
    Path | None,
    typer.Option(
        "--registry-ca",
        metavar="FILE",
        help="Authority of the certificate of the image's registry.",
        show_default=False,
        rich_help_panel=_IMAGE,
    ),
]


@dataclass(frozen=True)
class Compiling:
    """How a search is compiled before it is submitted.

    Attributes:
        image: Of the pods, or None for the environment's.
        device_kind: What they train on, or None for what this machine has.
        allow_tag: Whether the image may be named by a tag for good.
        store: Of the pods, or None for that of the YAML file.
        check_image: Whether the image's registry is asked.
        plain_http: Whether that speaks HTTP without TLS.
        registry_ca: Authority of its certificate.
        refresh: Whether it is the refresh that runs, not the search.
    """

    image: str | None = None
    device_kind: str | None = None
    allow_tag: bool = False
    store: str | None = None
    check_image: bool = True
    plain_http: bool = False
    registry_ca: Path | None = None
    refresh: bool = False

    def image_for(self, search: SearchConfig) -> tuple[str, list[str]]:
        """Return the image that a search's pods run, and notes on it; see `image_of_pods`."""
        from nasflow.pipelines.cluster.pod_image import ImageChoice, image_of_pods

        asked = ImageChoice(self.image, self.allow_tag, self.check_image, self.plain_http, self.registry_ca)
        return image_of_pods(search, asked)


def access_options(
    *, host: Host = None, namespace: Namespace = None, token_file: TokenFile = None, ca_file: CaFile = None
) -> Access:
    """Return where Kubeflow Pipelines is."""
    from nasflow.pipelines.cluster.connection import Access

    return Access(host, namespace, token_file, ca_file)


def compile_options(
    *,
    image: Image = None,
    allow_tag: AllowTag = False,
    check_image: CheckImage = True,
    plain_http: PlainHttp = False,
    registry_ca: RegistryCa = None,
    store: PodStore = None,
    device_kind: DeviceKind = None,
    refresh: Refresh = False,
) -> Compiling:
    """Return how a search is compiled."""
    return Compiling(image, device_kind, allow_tag, store, check_image, plain_http, registry_ca, refresh)


def taking(**groups: Callable[..., Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Let a command have the options of groups.

    Args:
        **groups: By the name of the command's parameter, a function whose parameters are the options of the group and
            whose result is the argument.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def run(**given: Any) -> None:
            arguments = {
                name: group(**{key: given.pop(key) for key in options[name]}) for name, group in groups.items()
            }
            command(**given, **arguments)

        options = {name: _options(group) for name, group in groups.items()}
        own = list(_options(command, without=groups).values())
        grouped = [parameter for each in options.values() for parameter in each.values()]
        run.__dict__["__signature__"] = inspect.Signature([*own, *grouped])  # what typer reads
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in (*own, *grouped)}
        return run

    return decorate


def _options(function: Callable[..., Any], without: Container[str] = ()) -> dict[str, inspect.Parameter]:
    """Return the parameters of a function, with their types instead of the texts of these, but for some."""
    known = inspect.signature(function).parameters
    types = {name: text for name, text in function.__annotations__.items() if name in known and name not in without}
    holder = type("Holder", (), {"__annotations__": types, "__module__": function.__module__})
    evaluated = inspect.get_annotations(holder, eval_str=True, globals=getattr(function, "__globals__", None))
    return {name: known[name].replace(annotation=evaluated[name]) for name in known if name not in without}
