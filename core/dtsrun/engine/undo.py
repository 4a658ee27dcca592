"""Takes away, or gives back, what a task made beside what it moved: subscriptions, slots, publications, identities.

Databases and roles are not among them: they are what was to be moved (`tidy.start_over` drops those).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Final, cast

import psycopg
from psycopg import sql

from dtsrun.api import Connection, Side
from dtsrun.engine.ends import Ends
from dtsrun.errors import MigrationError
from dtsrun.incremental.publications import drop_publication
from dtsrun.incremental.slots import drop_slot
from dtsrun.journal import Creation, Journal
from dtsrun.postgres.sqlstate import describe
from dtsrun.stream import positions

Say = Callable[[str, str], None]


def undo(ends: Ends, journal: Journal, task: str, say: Say, *, only: Collection[str] | None = None) -> None:
    """Undo what is journaled, the newest first; what is undone is forgotten. Safe to repeat.

    Args:
        only: kinds to undo (`slot`, `publication`, ...); None: all that can be undone.

    Raises:
        MigrationError: something cannot be undone; says what, and the statement for it.
    """
    for creation in reversed(journal.creations(task)):
        if (only is None or creation.what in only) and is_aid(creation):
            _undo(ends, creation)
            journal.removed(task, creation)
            verb = "gave back" if creation.undo else "removed"
            say("removed", f"{verb} {creation.what} {creation.name} on the {creation.side}")


def is_aid(creation: Creation) -> bool:
    """Tell whether something was made for the task's own sake, and not as what it moves."""
    return creation.undo is not None or creation.what in _REMOVERS


def drop_subscription(connection: Connection, name: str) -> None:
    """Drop a subscription without touching its slot, if it is there."""
    found = connection.execute(
        "select from pg_catalog.pg_subscription s join pg_catalog.pg_database d on d.oid = s.subdbid"
        " where s.subname = %s and d.datname = pg_catalog.current_database()",
        [name],
    )
    if found.fetchone() is None:
        return
    named = sql.Identifier(name)
    with connection.transaction():
        for statement in ("alter subscription {} disable", "alter subscription {} set (slot_name = none)"):
            connection.execute(sql.SQL(statement).format(named))
        connection.execute(sql.SQL("drop subscription {}").format(named))


_REMOVERS: Final[Mapping[str, Callable[[Connection, str], None]]] = {
    "slot": drop_slot,
    "publication": drop_publication,
    "subscription": drop_subscription,
    "stream position": positions.forget,
}


def _undo(ends: Ends, creation: Creation) -> None:
    side = cast(Side, creation.side)
    try:
        with ends.connect(side, creation.database, "undo") as connection:
            if creation.undo is not None:
                connection.execute(creation.undo.encode())
            else:
                _REMOVERS[creation.what](connection, creation.name)
    except psycopg.Error as error:
        if _is_gone(error):
            return
        raise MigrationError(
            f"{creation.side}: {creation.what} {creation.name} cannot be undone: {describe(error)}",
            hint=f"run it by hand: {creation.undo}" if creation.undo else None,
        ) from error


def _is_gone(error: psycopg.Error) -> bool:
    """Tell whether the database itself is gone, and all in it: a login says so in its words alone."""
    named = isinstance(error, psycopg.OperationalError) and error.sqlstate is None
    return isinstance(error, psycopg.errors.InvalidCatalogName) or (
        named and "database" in str(error) and "does not exist" in str(error)
    )
