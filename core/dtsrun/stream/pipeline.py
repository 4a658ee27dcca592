"""The target's side: a session in pipeline mode, where statements go out without waiting for the answers before.

psycopg's own pipeline makes Python objects of all that goes and comes; here values are bytes that pass through.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterator, Sequence
from typing import Any, Final, Generic, TypeVar

import psycopg
from psycopg import pq
from psycopg.errors import error_from_result

from dtsrun.api import Connection

STATEMENTS_KEPT: Final = 500
"""Prepared statements of a session; then all are made anew. Each takes memory on the server."""

_Ticket = TypeVar("_Ticket")


class Pipeline(Generic[_Ticket]):
    """Sends statements with a ticket each, and gives the tickets back with the results, in order; never blocks."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._pgconn = connection.pgconn
        self._pgconn.nonblocking = 1
        self._pgconn.enter_pipeline_mode()
        self._waiting: deque[tuple[_Ticket | None, int]] = deque()
        self._names: dict[Hashable, bytes] = {}
        self._counter = 0
        self.bytes_out = 0
        """Of values that were sent and not answered for yet."""
        self.has_unsent = False
        self._results: list[pq.abc.PGresult] = []

    @property
    def socket(self) -> int:
        """For polling."""
        return self._pgconn.socket

    @property
    def unanswered(self) -> int:
        """Statements whose result has not come yet."""
        return len(self._waiting)

    def knows(self, key: Hashable) -> bool:
        """Tell whether the statement of a key is prepared."""
        return key in self._names

    def prepare(self, key: Hashable, statement: bytes) -> None:
        """Prepare a statement under a key."""
        if len(self._names) >= STATEMENTS_KEPT:
            self.send(b"deallocate all")
            self._names.clear()
        self._counter += 1
        name = b"s%d" % self._counter
        self._pgconn.send_prepare(name, statement)
        self._names[key] = name
        self._waiting.append((None, 0))

    def execute(self, key: Hashable, values: Sequence[bytes | None], ticket: _Ticket | None = None) -> None:
        """Run a prepared statement."""
        size = sum(map(len, filter(None, values)))
        self._pgconn.send_query_prepared(self._names[key], values)
        self._waiting.append((ticket, size))
        self.bytes_out += size

    def send(self, statement: bytes, ticket: _Ticket | None = None) -> None:
        """Run a statement without parameters."""
        self._pgconn.send_query_params(statement, None)
        self._waiting.append((ticket, 0))

    def ask(self) -> None:
        """Let the server send the results that it has."""
        self._pgconn.send_flush_request()
        self.flush()

    def sync(self) -> None:
        """End a part of the pipeline: what failed before it does not concern what comes after."""
        self._pgconn.pipeline_sync()
        self.flush()

    def flush(self) -> None:
        """Send what the network takes now."""
        self.has_unsent = bool(self._pgconn.flush())

    def collect(self) -> Iterator[tuple[_Ticket, pq.abc.PGresult]]:
        """Yield what has come for those that wait for it.

        Raises:
            StatementFailed: a statement failed; what follows it failed with it.
            psycopg.OperationalError: the connection broke.
        """
        self._pgconn.consume_input()
        while not self._pgconn.is_busy():
            result = self._pgconn.get_result()
            if result is None:
                if not self._results:
                    return
                yield from self._answered(self._results)
                self._results = []
            elif result.status == pq.ExecStatus.PIPELINE_SYNC:
                continue
            else:
                self._results.append(result)

    def _answered(self, results: list[pq.abc.PGresult]) -> Iterator[tuple[_Ticket, pq.abc.PGresult]]:
        ticket, size = self._waiting.popleft()
        self.bytes_out -= size
        for result in results:
            if result.status == pq.ExecStatus.FATAL_ERROR:
                raise StatementFailed(ticket, error_from_result(result, "utf-8"))
        if ticket is not None:
            yield ticket, results[-1]


class StatementFailed(Exception):
    """The target refused a statement."""

    def __init__(self, ticket: Any, error: psycopg.Error) -> None:
        super().__init__(str(error))
        self.ticket = ticket
        self.error = error
