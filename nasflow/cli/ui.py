"""`nasflow ui`: MLflow's own UI on the runs of a search."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from nasflow.cli.arguments import StoreUrl
from nasflow.cli.console import say
from nasflow.errors import TrackingError, UserError
from nasflow.passwords import without_login

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nasflow.tracking import TrackingTarget

FIRST_PORT = 5000
_PORTS = 50
_START_SECONDS = 90


def ui(
    config: Annotated[
        Path | None,
        typer.Argument(
            metavar="CONFIG", help="The search's YAML file; by default the runs in the store.", show_default=False
        ),
    ] = None,
    store: StoreUrl = None,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option(
            "--port", "-p", min=1, max=65535, help="Port; by default the first free one from 5000.", show_default=False
        ),
    ] = None,
) -> None:
    """Start MLflow's UI on the runs of a search; Ctrl-C ends it."""
    target = tracking_of(config, store)
    if target.uri.startswith(("http://", "https://")):
        say(f"The runs are on the MLflow server at {without_login(target.uri)}.")
        return
    chosen = free_port(host, port)
    command = [sys.executable, "-m", "mlflow", "ui", "--host", host, "--port", str(chosen)]
    # MLflow's background jobs are for language models; their five processes would keep a core busy.
    environment = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", **os.environ, "MLFLOW_BACKEND_STORE_URI": target.uri}
    if target.artifacts is not None:
        command += ["--artifacts-destination", str(target.artifacts)]
    with _server(command, environment) as server:
        _wait_until_up(server, host, chosen)
        say(f"MLflow's UI is at http://{host}:{chosen} (Ctrl-C ends it).")
        try:
            server.wait()
        except KeyboardInterrupt:
            return
    raise TrackingError(f"MLflow's UI ended by itself with exit status {server.returncode}.")


def tracking_of(config: Path | None, store: str | None) -> TrackingTarget:
    """Find where the runs are: in the store that is named, else where a search, or the environment, says.

    Raises:
        UserError: Nothing has been run there yet.
    """
    from nasflow.config import StorageConfig, load_config
    from nasflow.storage import open_store
    from nasflow.tracking import store_target, target_of

    loaded = load_config(config) if config is not None else None
    place = open_store(store or (loaded.storage if loaded else StorageConfig()).url)
    target = store_target(place) if store else target_of(loaded.tracking.uri if loaded else None, place)
    if target.database is not None and not target.database.is_file():
        raise UserError(f"no search has been run that keeps its runs in '{target.database}'; run one first.")
    return target


def free_port(host: str, wanted: int | None) -> int:
    """Return the port to listen on.

    Raises:
        UserError: The wanted port is taken, none is free, or the host is not an address of this machine.
    """
    for port in [wanted] if wanted is not None else range(FIRST_PORT, FIRST_PORT + _PORTS):
        try:
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((host, port))
        except socket.gaierror as error:
            raise UserError(f"--host '{host}' is no address of this machine.") from error
        except PermissionError as error:
            raise UserError(f"port {port} needs special rights; choose one above 1023 with --port.") from error
        except OSError:
            continue
        return port
    if wanted is not None:
        raise UserError(f"port {wanted} of {host} is taken; leave --port out to find a free one.")
    raise UserError(f"no port of {host} from {FIRST_PORT} to {FIRST_PORT + _PORTS - 1} is free; name one with --port.")


@contextmanager
def _server(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run the server in a process group of its own, and end the whole group with this command."""
    before = signal.signal(signal.SIGTERM, _exit_on_signal)
    server = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield server
    finally:
        _end(server)
        signal.signal(signal.SIGTERM, before)


def _end(server: subprocess.Popen[bytes]) -> None:
    for kind, patience in ((signal.SIGTERM, 10), (signal.SIGKILL, 10)):
        try:
            os.killpg(server.pid, kind)
            server.wait(patience)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def _exit_on_signal(number: int, frame: FrameType | None) -> None:
    raise typer.Exit(128 + number)


def _wait_until_up(server: subprocess.Popen[bytes], host: str, port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise TrackingError(
                f"MLflow's UI did not start (exit status {server.returncode}); try 'mlflow ui' to see why."
            )
        try:
            with socket.create_connection((host, port), timeout=1):
                return
        except OSError:
            time.sleep(0.2)
    raise TrackingError(f"MLflow's UI did not answer on {host}:{port} within {_START_SECONDS} seconds.")
