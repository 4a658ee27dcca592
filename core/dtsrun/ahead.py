"""Tables of the target that are ahead of what their link has applied.

A table of which only inserts are followed is copied anew at completion, as it is by then. Where that completion is
called off, or its runner is killed, the link would go on from its own position and insert once more what the copy had
brought. So the copy leaves a mark in its own transaction, and before the link goes on the table is emptied, in one
transaction with the removal of the mark: from there on each insert of the link arrives once, and the next completion
copies the whole table anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import psycopg
from psycopg import sql

from dtsrun import marks
from dtsrun.api import Connection, Identity, LinkTable, StepResult
from dtsrun.copying import savepoint

LOCK_WAIT: Final = sql.SQL("set local lock_timeout = '2s'")
"""For a TRUNCATE, which waits for whoever reads the table; a DELETE does not."""

NO_TRUNCATE: Final = (
    psycopg.errors.FeatureNotSupported,  # a foreign key refers to the table
    psycopg.errors.LockNotAvailable,
    psycopg.errors.InsufficientPrivilege,
)


def remember(target: Connection, task: str, table: sql.Identifier) -> None:
    """Remember in the transaction of a copy that a table is ahead now."""
    marks.write(target, task, _key(table), 0, StepResult())


def forget(target: Connection, task: str, table: sql.Identifier) -> None:
    """Forget it, since the table was copied where a link begins."""
    marks.forget(target, task, _key(table))


def take_back(target: Connection, task: str, tables: Iterable[LinkTable]) -> Sequence[LinkTable]:
    """Empty those of a link's tables that are ahead, and return them. The link must stand still.

    Args:
        target: an autocommit session.
    """
    keys = {_key(_identifier(table)): table for table in tables if table.identity is Identity.INSERT_ONLY}
    if not keys or not marks.exists(target):
        return []
    ahead = sorted(marks.read_some(target, task, list(keys)))
    for key in ahead:
        with target.transaction():
            target.execute("set local session_replication_role = replica")
            empty(target, _identifier(keys[key]))
            marks.forget(target, task, key)
    return [keys[key] for key in ahead]


def empty(target: Connection, table: sql.Identifier) -> None:
    """Take all rows out of a table, without what hangs on them; part of the transaction that the session is in."""
    try:
        with savepoint(target, LOCK_WAIT):
            target.execute(sql.SQL("truncate only {}; set local lock_timeout = 0").format(table))
    except NO_TRUNCATE:
        target.execute(sql.SQL("delete from only {}").format(table))


def _identifier(table: LinkTable) -> sql.Identifier:
    return sql.Identifier(table.schema, table.name)


def _key(table: sql.Identifier) -> str:
    return f"ahead/{table.as_string()}"
