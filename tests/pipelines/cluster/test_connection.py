"""The connection to Kubeflow Pipelines: who it says it is, what it waits out, what it says of what it cannot."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nasflow.errors import ClusterError, UserError
from nasflow.pipelines.cluster.connection import Access, Connection, filtered
from nasflow.testing.kubeflow import Fault, KubeflowServer

TOKEN = "token-that-nobody-may-see"


@pytest.fixture
def server() -> Iterator[KubeflowServer]:
    with KubeflowServer() as running:
        yield running


def connected(server: KubeflowServer, patience: float = 10.0, **more: Any) -> Connection:
    limits = more.pop("limits", (1.0, 1.0))
    return Connection(Access(host=server.url, patience=patience, limits=limits, pace=0.02, **more))


def runs(connection: Connection) -> list[Any]:
    return list(connection.pages("list the runs", connection.client.runs.run_service_list_runs, "runs"))


def failure(server: KubeflowServer, *faults: Fault, patience: float = 0.0, **more: Any) -> str:
    server.faults[:] = faults
    with pytest.raises(ClusterError) as caught:
        runs(connected(server, patience, **more))
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith(".")
    assert "Traceback" not in text
    return text


def test_it_asks_nothing_before_it_is_asked_to(server: KubeflowServer) -> None:
    connected(server)
    assert server.asked == []


def test_the_host_comes_from_the_environment(server: KubeflowServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KF_PIPELINES_ENDPOINT", server.url)
    assert runs(Connection(Access())) == []


def test_without_a_host_it_says_how_to_name_one() -> None:
    with pytest.raises(UserError, match="--host or KF_PIPELINES_ENDPOINT"):
        Connection(Access())


def test_a_token_of_the_environment_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KF_PIPELINES_TOKEN", f"{TOKEN}\n")
    with KubeflowServer(token=TOKEN) as server:
        assert runs(connected(server)) == []


def test_a_renewed_token_file_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("old")
    with KubeflowServer(token=TOKEN) as server:
        connection = connected(server, 0.0, token_file=file)
        with pytest.raises(ClusterError, match="may have expired"):
            runs(connection)
        file.write_text(f"{TOKEN}\n")
        assert runs(connection) == []


def test_the_token_of_a_service_account_opens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sa").write_text(TOKEN)
    monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(tmp_path / "sa"))
    with KubeflowServer(token=TOKEN) as server:
        assert runs(connected(server)) == []


def test_a_session_cookie_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KF_PIPELINES_COOKIE", "authservice_session=abc")
    with KubeflowServer(cookie="authservice_session=abc") as server:
        assert runs(connected(server)) == []


@pytest.mark.parametrize("field", ["token_file", "ca_file"])
def test_a_file_that_is_not_there_is_named(field: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere"):
        Connection(Access(host="http://localhost:1", **{field: tmp_path / "nowhere"}))


def test_without_credentials_401_says_how_to_give_some() -> None:
    with KubeflowServer(token=TOKEN) as server:
        assert "no credentials were given" in failure(server)
        assert len(server.asked) == 1  # asking again would not help


def test_no_sentence_has_the_credentials(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("KF_PIPELINES_TOKEN", TOKEN)
    with KubeflowServer(token=TOKEN) as server:
        for kind in (401, 403, 404, 409, 418, 429, 500):
            assert TOKEN not in failure(server, Fault(kind, times=-1, message=f"no, {TOKEN}"))
    assert TOKEN not in "".join(capfd.readouterr())


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (401, "401"),
        (403, "ask for the right to edit pipelines and runs"),
        (404, "compare --host"),
        (409, "of this name is there already"),
        (429, "run the same command again in some minutes"),
        (500, "pod ml-pipeline"),
        (503, "pod ml-pipeline"),
        (418, "compare its version"),
        ("time-out", "did not answer within 1 seconds"),
        ("half-closed", "was cut again and again"),
        ("login", "page to log in"),
        ("page", "page to log in"),
    ],
)
def test_every_fault_is_one_sentence_that_says_what_to_do(server: KubeflowServer, kind: Any, said: str) -> None:
    assert said in failure(server, Fault(kind, times=-1))


def test_what_the_server_says_is_told(server: KubeflowServer) -> None:
    assert "(500: the database is away)" in failure(server, Fault(500, times=-1, message="the database is away"))


def test_a_closed_port_and_an_unknown_host_are_told_apart() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{free.getsockname()[1]}"
    for host, said in ((closed, "nothing answers at"), ("http://no-such-host.invalid", "is not known here")):
        with pytest.raises(ClusterError, match=said):
            runs(Connection(Access(host=host, patience=0.0)))


@pytest.mark.parametrize("kind", [429, 500, 502, 503, 504, "time-out", "half-closed", "lost"])
def test_what_may_pass_is_waited_out(server: KubeflowServer, kind: Any) -> None:
    server.faults.append(Fault(kind, times=2))
    assert runs(connected(server, limits=(5.0, 0.8))) == []
    assert len(server.asked) == 3


@pytest.mark.parametrize("kind", [401, 403, 404, 409, 418, "login", "page"])
def test_what_will_not_pass_is_told_at_once(server: KubeflowServer, kind: Any) -> None:
    failure(server, Fault(kind, times=-1), patience=30.0)
    assert len(server.asked) == 1


def test_it_gives_up_after_the_stated_time(server: KubeflowServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KF_PIPELINES_PATIENCE", "1")
    server.faults.append(Fault(500, times=-1))
    with pytest.raises(ClusterError, match=r"failed for [1-3] seconds"):
        runs(Connection(Access(host=server.url)))
    assert 2 <= len(server.asked) <= 5


def test_a_patience_that_is_no_number_is_refused(server: KubeflowServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KF_PIPELINES_PATIENCE", "long")
    with pytest.raises(UserError, match="KF_PIPELINES_PATIENCE is a number of seconds, not 'long'"):
        Connection(Access(host=server.url))


def test_the_wait_that_an_answer_asks_for_is_kept(server: KubeflowServer) -> None:
    import time

    server.faults.append(Fault(429, retry_after=2))
    began = time.monotonic()
    assert runs(connected(server)) == []
    assert time.monotonic() - began >= 2.0


def experiments(connection: Connection, name: str) -> tuple[Any, Any]:
    service, models = connection.client.experiments, connection.client.api_models

    def find() -> Any | None:
        found = service.experiment_service_list_experiments(filter=filtered("display_name", name))
        return next(iter(found.experiments or ()), None)

    def create() -> Any:
        return service.experiment_service_create_experiment(experiment=models.V2beta1Experiment(display_name=name))

    return find, create


@pytest.mark.parametrize("kind", ["lost", "time-out", "half-closed", 500, 429])
def test_what_is_created_is_created_once(server: KubeflowServer, kind: Any) -> None:
    server.faults.append(Fault(kind, method="POST", times=2))
    connection = connected(server, limits=(5.0, 0.8))
    made = connection.ensured("make an experiment", *experiments(connection, "pets"))
    again = connection.ensured("make an experiment", *experiments(connection, "pets"))
    assert made.experiment_id == again.experiment_id
    assert len(server.kept("experiments")) == 1


def test_who_comes_second_takes_what_the_first_made(server: KubeflowServer) -> None:
    connection = connected(server)
    find, create = experiments(connection, "pets")
    first = create()
    seen: list[bool] = []

    def finds_late() -> Any | None:
        seen.append(True)
        return find() if len(seen) > 1 else None

    assert connection.ensured("make it", finds_late, create).experiment_id == first.experiment_id


def test_removing_twice_is_as_good_as_once(server: KubeflowServer) -> None:
    connection = connected(server)
    connection.gone("delete it", connection.client.delete_recurring_run, "never-there")
    assert [status for *_, status in server.asked] == [404]


def test_lists_are_read_to_their_last_page(server: KubeflowServer) -> None:
    for number in range(250):
        server.state.create("experiments", "experiment_id", {"display_name": f"e{number}"}, ())
    connection = connected(server)
    listed = connection.client.experiments.experiment_service_list_experiments
    found = list(connection.pages("list the experiments", listed, "experiments"))
    assert [each.display_name for each in found] == [f"e{number}" for number in range(250)]
    assert len(server.asked) == 3


def test_a_single_user_has_no_namespace(server: KubeflowServer) -> None:
    assert connected(server, namespace="ignored").namespace == ""


def test_many_users_name_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    with KubeflowServer(multi_user=True) as server:
        assert connected(server, namespace="alice").namespace == "alice"
        monkeypatch.setenv("KF_PIPELINES_NAMESPACE", "bob")
        assert connected(server).namespace == "bob"
        monkeypatch.delenv("KF_PIPELINES_NAMESPACE")
        with pytest.raises(UserError, match="name the namespace of your profile with --namespace"):
            _ = connected(server).namespace


def test_a_request_outside_the_schema_is_refused_by_the_server(server: KubeflowServer) -> None:
    connection = connected(server)
    api = connection.client.api
    bad: list[tuple[str, str, dict[str, Any]]] = [
        ("/apis/v2beta1/experiments", "POST", {"body": {"display_name": "a", "colour": "red"}}),
        ("/apis/v2beta1/experiments", "POST", {"body": {"display_name": 7}}),
        ("/apis/v2beta1/runs", "POST", {"body": {"display_name": "a", "run_id": "mine"}}),
        ("/apis/v2beta1/runs", "GET", {"query_params": [("colour", "red")]}),
        (
            "/apis/v2beta1/runs",
            "GET",
            {"query_params": [("filter", '{"predicates": [{"key": "x", "operation": "EQUALS"}]}')]},
        ),
        ("/apis/v2beta1/walks", "GET", {}),
    ]
    for path, method, more in bad:
        with pytest.raises(ClusterError, match=r"\((400|404)"):
            connection.call("try", api.call_api, path, method, response_type="object", auth_settings=["Bearer"], **more)
