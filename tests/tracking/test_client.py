from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from nasflow.errors import StorageError, TrackingError
from nasflow.tracking import TrackingTarget, client
from nasflow.tracking.client import AwayError, RefusedError, connect, explained, open_client, reach

CONNECT = """
import os
from pathlib import Path
from nasflow.tracking import TrackingTarget
from nasflow.tracking.client import connect
heard = os.open(ready, os.O_WRONLY | os.O_CREAT)
os.dup2(heard, 1)
os.dup2(heard, 2)
connection = connect(TrackingTarget(uri, "digits"))
Path(done).write_text(connection.experiment_id + " " + connection.identity)
"""


def test_a_fresh_database_is_opened_by_several_at_once(spawn, tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/new/mlflow.db"
    names = [str(tmp_path / f"{n}") for n in range(2)]
    for process in [spawn(CONNECT, uri=uri, ready=f"{name}r", done=f"{name}d") for name in names]:
        process.join()
        assert process.exitcode == 0
    assert [Path(f"{name}r").read_text() for name in names] == ["", ""]  # none said anything
    assert len({Path(f"{name}d").read_text() for name in names}) == 1
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == ["mlflow.db", "mlflow.db.lock"]


@pytest.mark.parametrize(
    "moment", [0.3, *(pytest.param(moment, marks=pytest.mark.slow) for moment in (0.05, 0.15, 0.6, 0.8, 1.0))]
)
def test_killed_while_it_makes_the_database_the_next_one_makes_it(spawn, tmp_path: Path, moment: float) -> None:
    uri = f"sqlite:///{tmp_path}/new/mlflow.db"
    ready = tmp_path / "ready"
    process = spawn(CONNECT, uri=uri, ready=str(ready), done=str(tmp_path / "done"))
    while not ready.exists():
        time.sleep(0.005)
    time.sleep(moment)
    process.kill()
    process.join()
    assert connect(TrackingTarget(uri, "digits")).experiment_id == "1"
    assert not list((tmp_path / "new").glob("~*"))


def test_opening_again_finds_the_same_experiment(target: TrackingTarget) -> None:
    first, second = connect(target), connect(target)
    assert (first.experiment_id, first.identity) == (second.experiment_id, second.identity)
    other = connect(TrackingTarget(target.uri, "other"))
    assert other.identity != first.identity


def test_the_same_name_in_another_database_is_another_experiment(target, template: Path, tmp_path: Path) -> None:
    shutil.copy(template, tmp_path / "other.db")
    first = connect(target)
    time.sleep(0.002)  # the time of its making is what differs
    second = connect(TrackingTarget(f"sqlite:///{tmp_path}/other.db", "digits"))
    assert first.experiment_id == second.experiment_id
    assert first.identity != second.identity


def test_a_deleted_experiment_is_named(target: TrackingTarget) -> None:
    connection = connect(target)
    connection.client.delete_experiment(connection.experiment_id)
    with pytest.raises(TrackingError, match=r"experiment 'digits' was deleted .*mlflow experiments restore -x 1"):
        connect(target)


def test_a_file_that_is_no_database_is_explained(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("this is no database, but long enough to be read as one" * 50)
    with pytest.raises(TrackingError, match=r"cannot be used: .*not a database") as raised:
        connect(TrackingTarget(f"sqlite:///{tmp_path}/mlflow.db", "digits"))
    assert "\n" not in str(raised.value)


def test_an_unknown_scheme_is_explained() -> None:
    with pytest.raises(TrackingError, match=r"MLflow at 'gopher://x' cannot be used: "):
        connect(TrackingTarget("gopher://x", "digits"))


def test_a_server_that_is_not_there_is_told_at_once() -> None:
    with pytest.raises(TrackingError, match=r"cannot be reached .*start it or correct tracking.uri"):
        reach(TrackingTarget("http://127.0.0.1:1", "digits"))


def test_a_server_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "REACH_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(TrackingError, match="cannot be reached"):
        reach(TrackingTarget(f"http://127.0.0.1:{silent.getsockname()[1]}", "digits"))


def test_a_server_that_refuses_us_is_there() -> None:
    class Refusing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(401)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        reach(TrackingTarget(f"http://user:secret@127.0.0.1:{server.server_port}/", "digits"))


def test_databases_are_not_asked_over_http() -> None:
    reach(TrackingTarget("postgresql://nowhere/db", "digits"))


def test_errors_become_one_sentence_without_the_password() -> None:
    target = TrackingTarget("postgresql://u:secret@h/db", "digits")
    with pytest.raises(TrackingError) as raised, explained(target):
        raise RuntimeError(f"\n could not connect to {target.uri}.\n(Background: …)")
    assert str(raised.value).startswith("MLflow at 'postgresql://***@h/db' cannot be used: could not connect to ")
    assert "secret" not in str(raised.value)
    assert "Background" not in str(raised.value)


def test_errors_of_our_own_pass() -> None:
    with pytest.raises(StorageError, match=r"^disk$"), explained(TrackingTarget("x://", "d")):
        raise StorageError("disk")


def test_what_mlflow_refuses_is_told_from_what_it_cannot_do(target: TrackingTarget) -> None:
    connection = connect(target)
    run = connection.client.create_run(connection.experiment_id).info.run_id
    connection.client.log_param(run, "a", "1")
    with pytest.raises(RefusedError), explained(target):
        connection.client.log_param(run, "a", "2")
    with pytest.raises(TrackingError) as raised, explained(target):
        connection.client.get_run("0" * 32)
    assert not isinstance(raised.value, RefusedError)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("INTERNAL_ERROR", AwayError),
        ("TEMPORARILY_UNAVAILABLE", AwayError),
        ("PERMISSION_DENIED", TrackingError),
        ("RESOURCE_DOES_NOT_EXIST", TrackingError),
        ("INVALID_PARAMETER_VALUE", RefusedError),
    ],
)
def test_what_may_pass_is_told_from_what_lasts(target, code: str, kind: type[TrackingError]) -> None:
    from mlflow.exceptions import MlflowException
    from mlflow.protos import databricks_pb2

    with pytest.raises(TrackingError) as caught, explained(target):
        raise MlflowException("no", getattr(databricks_pb2, code))
    assert type(caught.value) is kind


def test_a_broken_connection_may_pass_and_a_fault_of_ours_does_not(target) -> None:
    import requests

    for error, kind in ((requests.ConnectionError("reset"), AwayError), (requests.ReadTimeout("slow"), AwayError)):
        with pytest.raises(kind), explained(target):
            raise error
    with pytest.raises(TrackingError) as caught, explained(target):
        raise ZeroDivisionError("no")
    assert type(caught.value) is TrackingError


def test_no_secret_is_in_what_went_wrong(target, monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "heron-42")
    with pytest.raises(TrackingError) as caught, explained(target):
        raise OSError("http://me:heron-42@host refused heron-42")
    assert "heron" not in str(caught.value)


def test_a_request_is_made_once_unless_the_user_says_otherwise(target, monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "7")
    monkeypatch.delenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", raising=False)
    open_client(target)
    assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "0"
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "7"
