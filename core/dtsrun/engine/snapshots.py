"""Epochs: one consistent snapshot of each source database, held open and shared by all workers.

A snapshot dies with the session that exported it. Then what is not yet copied gets a new one, and the next epoch's
number; what is done keeps its own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from dtsrun.api import Connection, Step


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An exported snapshot of one database."""

    database: str
    identifier: str
    """What SET TRANSACTION SNAPSHOT takes."""
    epoch: int
    taken_at: datetime


Held = tuple[Snapshot, Connection]
"""A snapshot, and the session that it lives in."""


class Snapshots:
    """The current snapshot of each source database."""

    def __init__(
        self,
        take: Callable[[str, int], Held],
        first_epoch: Callable[[str], int],
        *,
        stages: frozenset[str] | None = None,
    ) -> None:
        """Say how snapshots are taken.

        Args:
            take: takes the snapshot of a database for an epoch.
            first_epoch: number of a database's next epoch.
            stages: whose steps read in them; None: all. Others see the source as it is.
        """
        self._stages = stages
        self._take = take
        self._first_epoch = first_epoch
        self._held: dict[str, Held] = {}
        self._lock = threading.Lock()

    def get(self, database: str) -> Snapshot:
        """Return the snapshot of a database, taken at first use. Raises psycopg.Error."""
        with self._lock:
            if database not in self._held:
                self._held[database] = self._take(database, self._first_epoch(database))
            return self._held[database][0]

    def number_from(self, first: Mapping[str, int]) -> None:
        """Give databases other numbers of their next epochs, also those whose snapshot is taken: an earlier run, of
        which nobody knew, had epochs of its own."""
        with self._lock:
            before = self._first_epoch
            self._first_epoch = lambda name: first.get(name, before(name))
            for name, (snapshot, connection) in self._held.items():
                self._held[name] = (replace(snapshot, epoch=first.get(name, snapshot.epoch)), connection)

    def of(self, step: Step) -> Snapshot | None:
        """Return the snapshot that a step reads in, None where it reads no database, or as it is. Raises
        psycopg.Error."""
        reads = step.database is not None and (self._stages is None or step.stage in self._stages)
        return self.get(step.database) if reads and step.database is not None else None

    def renew(self, database: str, lost: Snapshot) -> Snapshot:
        """Return a snapshot other than a lost one: a new epoch, unless somebody renewed it already."""
        with self._lock:
            snapshot, connection = self._held[database]
            if snapshot.identifier == lost.identifier:
                connection.close()
                self._held[database] = self._take(database, snapshot.epoch + 1)
            return self._held[database][0]

    def identifier(self, database: str) -> str:
        """Return what SET TRANSACTION SNAPSHOT takes, for a database."""
        return self.get(database).identifier

    def close(self) -> None:
        """Let all snapshots go."""
        with self._lock:
            for _, connection in self._held.values():
                connection.close()
            self._held.clear()


def export_snapshot(connection: Connection, database: str, epoch: int) -> Held:
    """Take a snapshot in a session of its own, which holds it until it is closed. Raises psycopg.Error."""
    try:
        connection.execute("begin isolation level repeatable read read only")
        row = connection.execute("select pg_catalog.pg_export_snapshot() as identifier").fetchone()
    except BaseException:
        connection.close()
        raise
    assert row is not None
    return Snapshot(database, row.identifier, epoch, datetime.now(UTC)), connection
