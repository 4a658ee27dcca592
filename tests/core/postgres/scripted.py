"""A server that says what a test wrote for it, byte by byte, to show what a real one shows only by chance."""

from __future__ import annotations

import socket
import ssl
import struct
import tempfile
import threading
from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg

from dtsrun.api import Connection
from dtsrun.postgres.session import named_row


def message(kind: str, content: bytes = b"") -> bytes:
    return kind.encode() + struct.pack(">I", len(content) + 4) + content


def notice(text: str, kind: str = "N", state: str = "01000") -> bytes:
    fields = {"S": "ERROR", "V": "ERROR", "C": state, "M": text}
    return message(kind, b"".join(k.encode() + v.encode() + b"\0" for k, v in fields.items()) + b"\0")


def error(text: str, state: str = "22000") -> bytes:
    return notice(text, "E", state)


def parameter(name: str, value: str) -> bytes:
    return message("S", f"{name}\0{value}\0".encode())


def row(content: bytes) -> bytes:
    return message("d", content)


def copy_answer(direction: str, columns: int = 2) -> bytes:
    return message(direction, struct.pack(f">bh{columns}h", 0, columns, *[0] * columns))


def done(rows: int) -> bytes:
    return message("C", f"COPY {rows}\0".encode()) + READY


READY = message("Z", b"I")
GREETING = message("R", struct.pack(">I", 0)) + parameter("client_encoding", "UTF8") + READY
COPY_DONE = message("c")


@cache
def tls_context() -> ssl.SSLContext:
    """Return what a server needs to encrypt."""
    from dtsrun.testing.certificates import Authority

    issued = Authority().issue("localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, name) for name in ("crt", "key")]
        for path, content in zip(paths, (issued.certificate, issued.key), strict=True):
            path.write_bytes(content)
        context.load_cert_chain(*paths)
    return context


Say = Callable[[bytes], None]


class ScriptedServer:
    """Listens on 127.0.0.1, takes one client, and lets `answer` speak after each Query.

    `heard` holds the messages that came, type and content, in order; a stream that is no sequence of messages fails
    the thread, and the test with it. With `tls`, each piece that it says is a record of TLS.
    """

    def __init__(
        self, answer: Callable[[ScriptedServer], None], greeting: bytes = GREETING, *, tls: bool = False
    ) -> None:
        self._answer = answer
        self._greeting = greeting
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.heard: list[tuple[str, bytes]] = []
        self.failure: BaseException | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()
        self._thread.join(5)
        if self.failure and value is None:
            raise self.failure

    def connect(self) -> Connection:
        port = self._listener.getsockname()[1]
        return psycopg.connect(
            f"host=127.0.0.1 port={port} user=x dbname=x gssencmode=disable"
            f" sslmode={'require' if self._tls else 'disable'}",
            autocommit=True,
            row_factory=named_row,
        )

    def say(self, *pieces: bytes) -> None:
        """Send each piece for itself."""
        for number, piece in enumerate(pieces):
            if number:
                self._pause.wait(0.001)
            self._peer.sendall(piece)

    def hear(self) -> tuple[str, bytes]:
        """Return the next message of the client."""
        kind, length = struct.unpack(">cI", self._exactly(5))
        self.heard.append((kind.decode(), self._exactly(length - 4)))
        return self.heard[-1]

    def hang_up(self) -> None:
        self._peer.close()

    def _serve(self) -> None:
        self._pause = threading.Event()
        try:
            self._peer, _ = self._listener.accept()
            try:
                self._greet()
                while self.hear()[0] == "Q":
                    self._answer(self)
            finally:
                self._peer.close()
        except (EOFError, OSError):
            pass  # the client has gone, or the test has closed the listener
        except BaseException as error:  # noqa: BLE001 - raised again in the test's own thread
            self.failure = error

    def _greet(self) -> None:
        self._peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._exactly(int.from_bytes(self._exactly(4), "big") - 4)
        if self._tls:  # that was only the request for it
            self._peer.sendall(b"S")
            self._peer = tls_context().wrap_socket(self._peer, server_side=True)
            self._exactly(int.from_bytes(self._exactly(4), "big") - 4)
        self._peer.sendall(self._greeting)

    def _exactly(self, size: int) -> bytes:
        parts: list[bytes] = []
        while size:
            part = self._peer.recv(min(size, 1 << 20))
            if not part:
                raise EOFError
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


def cut_at(stream: bytes, places: Sequence[int]) -> list[bytes]:
    """Cut a stream at these places."""
    edges = [0, *sorted({p for p in places if 0 < p < len(stream)}), len(stream)]
    return [stream[a:b] for a, b in pairwise(edges)]
