"""The time of a request holds against servers that are silent, trickle, or are not found."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from urllib3.exceptions import HTTPError

from nasflow.storage.s3 import pacing
from nasflow.storage.s3.credentials import told
from nasflow.storage.s3.pacing import PacedPool

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 400000\r\n\r\n"

Serve = Callable[[Callable[[socket.socket], None]], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Do something with every connection that comes; gives the address."""
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def begin(answer: Callable[[socket.socket], None]) -> str:
        def serve_one(sock: socket.socket) -> None:
            with sock:
                try:
                    answer(sock)
                    over.wait()
                except OSError:
                    pass

        def accept() -> None:
            while not over.is_set():
                try:
                    sock, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=serve_one, args=(sock,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}/"

    yield begin
    over.set()
    listener.close()


def trickle(sock: socket.socket, content: bytes, size: int = 1) -> None:
    for start in range(0, len(content), size):
        sock.sendall(content[start : start + size])
        time.sleep(0.05)


def silent(sock: socket.socket) -> None:
    sock.recv(1000)


def slow_head(sock: socket.socket) -> None:
    trickle(sock, b"HTTP/1.1 200 OK\r\n" + b"X-Some: header\r\n" * 1000)


def slow_body(sock: socket.socket) -> None:
    sock.sendall(HEAD)
    trickle(sock, b"x" * 1000)


def endless_interim(sock: socket.socket) -> None:
    while True:
        trickle(sock, b"HTTP/1.1 100 Continue\r\n\r\n", 100)


@pytest.mark.parametrize("answer", [silent, slow_head, slow_body, endless_interim])
def test_a_request_ends_in_time(answer: Callable[[socket.socket], None], serve: Serve) -> None:
    pool = PacedPool(None)
    address = serve(answer)
    began = time.monotonic()
    with pytest.raises(HTTPError) as caught:
        pool.request("GET", address, timeout=1.0)
    assert 0.9 < time.monotonic() - began < 2.5
    assert told(caught.value) == "it did not answer in time"


def test_so_does_one_that_nobody_takes(serve: Serve) -> None:
    """The content is larger than what the system's buffers take."""
    began = time.monotonic()
    with pytest.raises(HTTPError) as caught:
        PacedPool(None).request("PUT", serve(lambda _: None), body=b"x" * 30_000_000, timeout=1.0)
    assert time.monotonic() - began < 1 + 8_000_000 / pacing.PACE
    assert told(caught.value) == "it did not answer in time"


def test_what_moves_has_the_time_it_needs(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """400 kB in 2 seconds are twice the pace."""
    monkeypatch.setattr(pacing, "PACE", 100_000)

    def steady(sock: socket.socket) -> None:
        sock.sendall(HEAD)
        trickle(sock, b"x" * 400_000, 10_000)

    began = time.monotonic()
    assert PacedPool(None).request("GET", serve(steady), timeout=1.0).data == b"x" * 400_000
    assert time.monotonic() - began > 1.5


def test_a_connection_is_used_again_with_its_time_anew(serve: Serve) -> None:
    def answers(sock: socket.socket) -> None:
        while sock.recv(1000):
            time.sleep(0.4)
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    pool = PacedPool(None)
    address = serve(answers)
    assert [pool.request("GET", address, timeout=1.0).data for _ in range(4)] == [b"ok"] * 4
    assert pool.connection_from_url(address).num_connections == 1


def test_an_answer_that_ends_with_the_connection(serve: Serve) -> None:
    def answers(sock: socket.socket) -> None:
        sock.recv(1000)
        sock.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end")
        sock.shutdown(socket.SHUT_RDWR)

    assert PacedPool(None).request("GET", serve(answers), timeout=2.0).data == b"until the end"


def test_a_name_that_nobody_looks_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's own look-up has no time-out."""
    let_go = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: let_go.wait() and [])
    began = time.monotonic()
    with pytest.raises(HTTPError) as caught:
        PacedPool(None).request("GET", "http://somewhere.invalid/", timeout=0.5)
    assert time.monotonic() - began < 2
    assert told(caught.value) == "it did not answer in time"
    let_go.set()


def test_a_handshake_that_does_not_come(serve: Serve) -> None:
    began = time.monotonic()
    with pytest.raises(HTTPError) as caught:
        PacedPool(None).request("GET", serve(silent).replace("http:", "https:"), timeout=1.0)
    assert time.monotonic() - began < 5
    assert told(caught.value) == "it did not answer in time"
