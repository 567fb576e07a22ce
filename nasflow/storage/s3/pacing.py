"""HTTP connections whose requests end in time, however slowly the other side speaks.

The time-outs of sockets are for each piece that comes, so a server that sends a byte now and then holds a request for
as long as it likes. Here, the time is for the request as a whole, from the look for the server's address to the last
byte of its answer; only what is really moved, at a pace that a slow line has, makes it longer.
"""

from __future__ import annotations

import io
import math
import socket
import time
from typing import Any

from urllib3 import PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError

from nasflow.storage.patience import within

CONNECT_SECONDS = 5.0
"""For the look for an address, and to reach it; a part of the time that a request has."""

PACE = 128 * 2**10
"""Bytes that make the time of a request one second longer."""

CONNECTIONS = 32
"""Connections to a server that are kept open for the next request."""

_PIECE = 2**16


class PacedPool(PoolManager):
    """Connections of that kind, kept open between requests; `timeout` of a request is its time in seconds.

    Args:
        authorities: File with the certificates of the authorities to trust; None for the usual ones.
    """

    def __init__(self, authorities: str | None) -> None:
        super().__init__(retries=False, maxsize=CONNECTIONS, cert_reqs="CERT_REQUIRED", ca_certs=authorities)
        self.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}


class _Paced(HTTPConnection):
    ends = math.inf

    def request(self, *arguments: Any, **more: Any) -> None:
        self.ends = time.monotonic() + (self.timeout or 0.0)
        super().request(*arguments, **more)

    def connect(self) -> None:
        began = time.monotonic()
        super().connect()
        self.timeout = max((self.timeout or 0.0) - (time.monotonic() - began), 0.001)
        self.sock: Any = _PacedSocket(self.sock, self)

    def _new_conn(self) -> socket.socket:
        """Connect; where a name cannot be looked up, the system may take minutes to say so."""
        seconds = min(CONNECT_SECONDS, self.timeout or 0.0)
        began = time.monotonic()
        try:
            sock = within(seconds, super()._new_conn)
        except TimeoutError:
            raise ConnectTimeoutError(self, "it cannot be reached in time") from None
        sock.settimeout(max(seconds - (time.monotonic() - began), 0.001))  # for the handshake of TLS
        return sock


class _Secure(_Paced, HTTPSConnection):
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Paced


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _Secure


class _PacedSocket:
    """A socket that is read and written until the time of its connection's request is over."""

    def __init__(self, sock: socket.socket, connection: _Paced) -> None:
        self._sock, self._connection = sock, connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def settimeout(self, seconds: float | None) -> None:
        """Leave the time as it is: it is for the whole request."""

    def makefile(self, *_: Any, **__: Any) -> io.BufferedReader:
        return io.BufferedReader(_PacedFile(self), _PIECE)

    def sendall(self, data: bytes | memoryview) -> None:
        view = memoryview(data).cast("B")
        while view:
            self.await_turn()
            sent = self._sock.send(view[:_PIECE])
            self.moved(sent)
            view = view[sent:]

    def await_turn(self) -> None:
        left = self._connection.ends - time.monotonic()
        if left <= 0:
            raise TimeoutError("the time of the request is over")
        self._sock.settimeout(left)

    def moved(self, count: int) -> None:
        self._connection.ends += count / PACE


class _PacedFile(io.RawIOBase):
    """What such a socket receives."""

    def __init__(self, sock: _PacedSocket) -> None:
        self._sock = sock
        self._raw = sock._sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.await_turn()
        count = self._raw.readinto(buffer)
        self._sock.moved(count or 0)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()
