"""Statements about server-wide objects, tried one by one.

A managed server refuses some of what a superuser may do, and a newer one has forgotten some settings. Neither is worth
a failed migration, and neither may pass in silence: the first is a deviation, all else a failure of that object.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import psycopg
from psycopg import sql

from dtsrun.api import Connection, Deviation, Failure, StepResult
from dtsrun.postgres.sqlstate import Reaction, describe, reaction

TOLERATED: Final = frozenset(
    {
        "42501",  # insufficient privilege
        "42704",  # undefined object: a parameter that the target does not know
        "22023",  # invalid parameter value
        "55P02",  # cannot change runtime parameter
    }
)


@dataclass(slots=True)
class Attempts:
    """Runs statements, each in a savepoint of its own, and remembers what did not work."""

    connection: Connection
    database: str | None = None
    """Source name of the database that it is about, if any."""
    failures: list[Failure] = field(default_factory=list)
    deviations: list[Deviation] = field(default_factory=list)

    def run(self, name: str, *statements: sql.SQL | sql.Composed, tolerant: bool = False) -> bool:
        """Run statements about an object, all or none; return whether they worked.

        Args:
            tolerant: a refusal by privilege or an unknown parameter is a deviation, not a failure.
        """
        try:
            with self.connection.transaction():
                for statement in statements:
                    self.connection.execute(statement)
        except psycopg.Error as error:
            self._judge(name, error, tolerant)
            return False
        return True

    def deviate(self, name: str, message: str) -> None:
        """Remember something that was knowingly done otherwise."""
        self.deviations.append(Deviation(database=self.database, object=name, message=message))

    def result(self) -> StepResult:
        """Return what came of it all."""
        return StepResult(failures=tuple(self.failures), deviations=tuple(self.deviations))

    def _judge(self, name: str, error: psycopg.Error, tolerant: bool) -> None:
        if reaction(error) is Reaction.RETRY or error.sqlstate in (None, "57014"):
            raise error
        if tolerant and error.sqlstate in TOLERATED:
            self.deviate(name, f"not carried: {describe(error)}")
        else:
            self.failures.append(Failure(object=name, message=describe(error), hint=error.diag.message_hint))
