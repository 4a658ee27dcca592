"""The TLS session of a libpq connection, read and written beside libpq.

Libpq makes the session: it shakes hands, checks the certificate, binds the channel and logs in. It also hands out the
session (`PQsslStruct`), and while it waits for nothing, bytes can be taken from it and put into it by the same OpenSSL
that libpq uses. So rows need not pass through libpq, which takes the stream apart into whole rows, however large.
`is_reachable` tells whether that works with this build of libpq: a build without OpenSSL, or one that hides its
functions, keeps its session to itself.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from ctypes import CDLL, addressof, c_char, c_char_p, c_int, c_void_p
from functools import cache
from typing import Final

import psycopg.pq
from psycopg.pq.abc import PGconn
from psycopg.pq.misc import find_libpq_full_path

WANT_READ: Final = 2
WANT_WRITE: Final = 3
MODULES: Final = {"binary": "psycopg_binary.pq", "c": "psycopg_c.pq"}
"""Where psycopg's builds keep their libpq."""


def is_reachable(pgconn: PGconn) -> bool:
    """Return whether the connection's TLS session can be read and written beside libpq."""
    return pgconn.ssl_in_use and _session(pgconn) is not None


class TlsSession:
    """A session that we use while libpq does not. Nothing here blocks where the connection does not.

    Args:
        pgconn: a connection for which `is_reachable` is true.
    """

    def __init__(self, pgconn: PGconn) -> None:
        session, openssl = _session(pgconn), _library()
        if session is None or openssl is None:
            raise ValueError("libpq keeps the TLS session of this connection to itself")
        self._session = session
        self._openssl = openssl

    def read(self, room: memoryview) -> int:
        """Take what has come, at most one record of TLS; return how many bytes, 0 where nothing has come yet.

        Raises:
            ConnectionError: the server is gone.
        """
        return self._call(self._openssl.SSL_read, room)

    def peek(self, room: memoryview) -> int:
        """Look at what `read` would take, and leave it there. Raises ConnectionError."""
        return self._call(self._openssl.SSL_peek, room)

    def write(self, content: memoryview) -> int:
        """Send what can be sent; return how many bytes, 0 where none can be yet: then go on with the very same bytes.

        Args:
            content: a view of writable memory.

        Raises:
            ConnectionError: the server is gone.
        """
        return self._call(self._openssl.SSL_write, content)

    def _call(self, function: Callable[[int, int, int], int], memory: memoryview) -> int:
        # Errors of OpenSSL stand in a queue of this thread, and one that was left there would be taken for ours.
        self._openssl.ERR_clear_error()
        done = function(self._session, addressof(c_char.from_buffer(memory)), len(memory))
        if done > 0:
            return done
        reason = self._openssl.SSL_get_error(self._session, done)
        if reason in (WANT_READ, WANT_WRITE):
            return 0
        raise ConnectionResetError(f"the TLS session has ended (SSL_get_error {reason})")


def _session(pgconn: PGconn) -> int | None:
    """Return the address of OpenSSL's session; None where it cannot be had."""
    library = _library()
    pointer: int | None = getattr(pgconn, "pgconn_ptr", None)
    session: int | None = library.PQsslStruct(pointer, b"OpenSSL") if library and pointer else None
    return session


@cache
def _library() -> CDLL | None:
    """Return psycopg's libpq, through which the OpenSSL that it is linked to can be called; None if it cannot."""
    try:
        library = CDLL(_place())
        library.PQsslStruct.argtypes = (c_void_p, c_char_p)
        library.PQsslStruct.restype = c_void_p
        for name in ("SSL_read", "SSL_peek", "SSL_write"):
            function = getattr(library, name)
            function.argtypes, function.restype = (c_void_p, c_void_p, c_int), c_int
        library.SSL_get_error.argtypes, library.SSL_get_error.restype = (c_void_p, c_int), c_int
        library.ERR_clear_error.argtypes, library.ERR_clear_error.restype = (), None
    except (OSError, AttributeError):
        return None
    return library


def _place() -> str | None:
    """Return the file of the module that libpq is linked to: a function is looked for there and in what it needs."""
    name = MODULES.get(psycopg.pq.__impl__)
    if name:
        return importlib.import_module(name).__file__
    return find_libpq_full_path()
