"""Whether everything that a search needs is there, and what to do about what is not."""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from nasflow.config import SearchConfig
from nasflow.errors import MissingDataError, NasflowError, StorageError, UserError
from nasflow.passwords import without_login
from nasflow.pipelines.cluster.connection import Access, Connection
from nasflow.pipelines.cluster.findings import Finding, failed, found
from nasflow.pipelines.cluster.nodes import nodes

KFP_VERSION = "2.17"
_PYTHON = ((3, 11), (3, 14))


def examined(config: SearchConfig | None, base: Path, access: Access) -> Iterator[Finding]:
    """Test everything, one finding after the other; nothing is left behind.

    Args:
        config: The search that it is for; without one, what every search needs.
        base: Folder that its relative data paths start at.
        access: Kubeflow Pipelines.
    """
    yield found("versions", versions)
    yield found("device", lambda: device(config))
    if config is not None:
        yield data(config, base)
        yield found("store", lambda: store(config))
        yield tracking(config)
    yield from cluster(access)
    yield nodes()


def versions() -> str:
    """Return the versions that matter here.

    Raises:
        UserError: One is not what this nasflow is made for.
    """
    names = ("nasflow", "kfp", "kfp-server-api", "torch", "mlflow")
    have = {name: version(name) for name in names}
    shown = ", ".join(["Python " + ".".join(map(str, sys.version_info[:3])), *(f"{n} {v}" for n, v in have.items())])
    if not _PYTHON[0] <= sys.version_info[:2] < _PYTHON[1]:
        raise UserError(f"{shown}: nasflow needs Python 3.11 to 3.13; make an environment with one of them.")
    if not have["kfp"].startswith(f"{KFP_VERSION}."):
        raise UserError(f"{shown}: nasflow is made for kfp {KFP_VERSION}; run 'pip install kfp=={KFP_VERSION}.0'.")
    return shown


def device(config: SearchConfig | None) -> str:
    """Return what this machine trains on.

    Raises:
        NasflowError: What the search asks for is not here.
    """
    from nasflow.config import ResourcesConfig
    from nasflow.engine.probing import DeviceProbe

    kind = DeviceProbe(config.resources if config is not None else ResourcesConfig()).result()
    return f"{kind} here; pods on others are named with --device-kind"


def data(config: SearchConfig, base: Path) -> Finding:
    """Look at the data from here; data that only the cluster has are not tested."""
    from nasflow.data.opening import find_source

    def look() -> str:
        summary = find_source(config.data, base).summary
        return f"{config.data.source}: {sum(summary.counts):,} samples in {len(summary.classes)} classes"

    try:
        return Finding("data", look())
    except MissingDataError as error:
        return Finding("data", f"not here, perhaps on the cluster: {error}", well=None)
    except NasflowError as error:
        return failed("data", error)


def store(config: SearchConfig) -> str:
    """Write, read, replace, list and remove a document in the store.

    Raises:
        NasflowError: One of these does not work.
    """
    from nasflow.engine.request import anchored
    from nasflow.pipelines.cluster.stores import impatient
    from nasflow.storage import check_url, open_store

    url = anchored(config).storage.url
    if "://" not in url:
        check_url(url)
        return f"{url} can be written; pods need the same folder, mounted at the same path"
    there, key = open_store(impatient(url)), f"doctor/{secrets.token_hex(8)}.json"
    try:
        first, second = b'{"doctor": 1}', b'{"doctor": 2}'
        steps: list[tuple[str, Callable[[], object]]] = [
            ("create", lambda: there.put_if_absent(key, first)),
            ("create only once", lambda: not there.put_if_absent(key, second)),
            ("replace", lambda: there.replace(key, first, second)),
            ("read", lambda: there.get(key) == second),
            ("list", lambda: key in there.keys("doctor/")),
        ]
        for doing, step in steps:
            if not step():
                raise StorageError(
                    f"the store '{without_login(url)}' does not {doing} as it must (its conditional writes may not "
                    f"work): use a storage with If-None-Match and If-Match, such as MinIO, and see its permissions."
                )
    finally:
        there.delete(key)
    return f"{without_login(url)} can be written, read, listed and deleted from"


def tracking(config: SearchConfig) -> Finding:
    """Look at MLflow and its registry."""
    from nasflow.engine.request import anchored
    from nasflow.storage import open_store
    from nasflow.tracking import tracking_target
    from nasflow.tracking.client import explained, open_client

    def look() -> str:
        target = tracking_target(config, open_store(anchored(config).storage.url))
        if target.database is not None:
            return f"{target.shown}: a file of its own; set MLFLOW_TRACKING_URI for a server that pods can reach"
        client = open_client(target)
        with explained(target):
            experiments = client.search_experiments(max_results=1)
            client.search_registered_models(max_results=1)
        return f"{target.shown} answers{'' if experiments else ', and has no experiment yet'}; its registry too"

    return found("MLflow", look)


def cluster(access: Access) -> Iterator[Finding]:
    """Test Kubeflow Pipelines: whether it answers, lets us in, and lets us read and write."""
    try:
        connection = Connection(access)
    except UserError as error:
        yield Finding("Kubeflow Pipelines", str(error), well=None)
        return
    answers = found("Kubeflow Pipelines", lambda: _version(connection))
    yield answers
    if not answers.well:
        return
    place = found("namespace", lambda: connection.namespace or "none: a single user")
    yield place
    if place.well:
        yield found("reading there", lambda: _readable(connection))
        yield found("writing there", lambda: _writable(connection))


def _version(connection: Connection) -> str:
    def asked() -> dict[str, Any]:
        answer = connection.client.api.call_api(
            "/apis/v2beta1/healthz", "GET", auth_settings=["Bearer"], _preload_content=False
        )
        document = json.loads(answer.data)
        return document if isinstance(document, dict) else {}

    tag = str(connection.call("say how it is", asked).get("tag_name") or "unknown")
    if tag[:1].isdigit() and not tag.startswith(f"{KFP_VERSION}."):
        raise UserError(
            f"{connection.where} is version {tag}: this nasflow is made for {KFP_VERSION}; ask its administrator for "
            f"that, or expect that something is missing."
        )
    known = "with credentials" if connection.client.authenticated else "without credentials"
    return f"{connection.where} answers {known}, version {tag}"


def _readable(connection: Connection) -> str:
    client, namespace = connection.client, connection.namespace
    where: dict[str, Any] = {"page_size": 1, **({"namespace": namespace} if namespace else {})}
    lists = {
        "experiments": client.experiments.experiment_service_list_experiments,
        "pipelines": client.pipelines.pipeline_service_list_pipelines,
        "runs": client.runs.run_service_list_runs,
        "recurring runs": client.recurring_runs.recurring_run_service_list_recurring_runs,
    }
    for name, listed in lists.items():
        connection.call(f"list the {name}", listed, **where)
    return f"{', '.join(lists)} can be listed"


def _writable(connection: Connection) -> str:
    """Make an experiment and delete it: the least that needs the right to write."""
    client, models = connection.client, connection.client.api_models
    where = {"namespace": connection.namespace} if connection.namespace else {}
    wanted = models.V2beta1Experiment(display_name=f"nasflow-doctor-{secrets.token_hex(4)}", **where)
    create = client.experiments.experiment_service_create_experiment
    made = connection.call("make an experiment", create, experiment=wanted)
    connection.gone("delete the experiment again", client.delete_experiment, made.experiment_id)
    return "an experiment could be made and deleted; whether runs may be started, 'nasflow submit' tells"
