"""Arguments that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Config = Annotated[Path, typer.Argument(metavar="CONFIG", help="The search's YAML file.", show_default=False)]

Search = Annotated[
    str,
    typer.Argument(
        metavar="SEARCH", help="The search's YAML file, or its name or id in the store.", show_default=False
    ),
]

StoreUrl = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="URL",
        help="Folder or URL of the store; by default that of the YAML file, or nasflow-store.",
        show_default=False,
    ),
]

_CLUSTER = "Kubeflow Pipelines"

Host = Annotated[
    str | None,
    typer.Option(
        "--host",
        metavar="URL",
        help="Address of Kubeflow Pipelines; by default KF_PIPELINES_ENDPOINT, or that of the cluster.",
        show_default=False,
        rich_help_panel=_CLUSTER,
    ),
]

Namespace = Annotated[
    str | None,
    typer.Option(
        "--namespace",
        "-n",
        metavar="NAME",
        help="Your namespace, where there are many users; by default KF_PIPELINES_NAMESPACE.",
        show_default=False,
        rich_help_panel=_CLUSTER,
    ),
]

TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--token-file",
        metavar="FILE",
        help="File with a token, or - for standard input; by default KF_PIPELINES_TOKEN, KF_PIPELINES_COOKIE, or the "
        "service account's.",
        show_default=False,
        rich_help_panel=_CLUSTER,
    ),
]

CaFile = Annotated[
    Path | None,
    typer.Option(
        "--ca-file",
        metavar="FILE",
        help="Authority of the host's certificate.",
        show_default=False,
        rich_help_panel=_CLUSTER,
    ),
]

RunId = Annotated[
    str | None,
    typer.Option("--run", metavar="ID", help="Id of a run, or its beginning; by default the last.", show_default=False),
]

Image = Annotated[
    str | None,
    typer.Option(
        "--image",
        metavar="IMAGE",
        help="Image of the pods, as NAME@sha256:DIGEST; by default that of NASFLOW_IMAGE.",
        show_default=False,
    ),
]

AllowTag = Annotated[
    bool, typer.Option("--allow-tag", help="Take an image by its tag, which may come to mean another one.")
]

PodStore = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="URL",
        help="Store of the pods, as in s3://bucket/prefix; by default that of the YAML file.",
        show_default=False,
    ),
]

DeviceKind = Annotated[
    str | None,
    typer.Option(
        "--device-kind",
        metavar="KIND",
        help="What the pods train on, as in cpu-AVX2 or 'cuda-NVIDIA H100'; by default what this machine does.",
        show_default=False,
    ),
]

Refresh = Annotated[
    bool,
    typer.Option(
        "--refresh", help="Its refresh: ends at once unless the data have changed, and promotes only what is better."
    ),
]

ServiceAccount = Annotated[
    str | None,
    typer.Option(
        "--service-account",
        metavar="NAME",
        help="Service account of the pods; by default the installation's.",
        show_default=False,
    ),
]
