"""Why a subscription does not apply: the next transaction of its slot, tried on the target and rolled back.

An apply worker writes its errors to the server's log, which we cannot read, and starts again. So we do what it does:
the slot is copied (a copy goes away with the session), the first transaction that the target has not got is read from
the copy, and its changes are made on the target one by one, in a transaction that is rolled back. The first that the
server refuses is the offending one, and the server says why.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from importlib.resources import files
from typing import Any, Final

import psycopg
from psycopg import sql

from dtsrun.api import Connection, Link
from dtsrun.postgres.lsn import parse_lsn
from dtsrun.postgres.sqlstate import Reaction, describe, reaction
from dtsrun.stream.pgoutput import (
    UNCHANGED,
    Begin,
    Change,
    Commit,
    Delete,
    Insert,
    Relation,
    Row,
    Truncate,
    Update,
    read,
)
from dtsrun.watch.referring_keys import ForeignKey, referring_keys

MOST_CHANGES: Final = 50_000
"""Of a transaction that are read; whatever is wrong beyond is not found."""

LOCK_SECONDS: Final = 2
REFERRED_TO: Final = "0A000"
"""What a TRUNCATE is refused with that a foreign key stands in the way of."""
FIRST_WITH_COPIES: Final = 120000
"""pg_copy_logical_replication_slot came with version 12; before, a slot that nobody holds is read itself."""


class Policy(StrEnum):
    """What becomes of an error of applying: the user's word."""

    RETRY = "retry"
    """The engine tries again and again; somebody mends the target meanwhile."""
    QUARANTINE = "quarantine"
    """The table is no longer followed; it is copied anew."""
    STOP = "stop"
    """The task fails."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ApplyError:
    """The change that the target refuses."""

    table: str
    """`schema.name`."""
    key: str
    """`id = 5`; empty where the table has no identity but whole rows, for they are data."""
    operation: str
    """`insert`, `update`, `delete`, `truncate`."""
    cause: str
    """In the server's words."""
    remedy: str
    is_transient: bool = False
    """Whether time may heal it: a lock, a deadlock, a full disk."""
    sqlstate: str = ""
    """The server's; empty where it would have said nothing."""
    keys: tuple[ForeignKey, ...] = ()
    """Foreign keys that stand in the way of a TRUNCATE."""

    @property
    def message(self) -> str:
        """One sentence."""
        where = f" where {self.key}" if self.key else ""
        return f"{self.operation} of {self.table}{where} is refused by the target: {self.cause}"


def react(policy: Policy, error: ApplyError, attempts: int, *, most: int = 10) -> Policy:
    """Return what to do about an error: what time may heal is tried again first, so many times."""
    if error.is_transient and attempts < most:
        return Policy.RETRY
    return policy


def diagnose_apply_error(source: Connection, target: Connection, link: Link) -> ApplyError | None:
    """Return the change that a subscription cannot apply; None where its next transaction can be applied.

    Both connections are in autocommit mode and used by nobody else. The target's account must be allowed to set
    session_replication_role, as the apply worker does; else triggers and foreign keys would refuse what is right.

    Raises:
        psycopg.Error: the slot cannot be read, or the account may not try.
    """
    trial = _Trial(target)
    after = _applied(target, link)
    with target.transaction(force_rollback=True):
        target.execute("set local session_replication_role = replica")
        target.execute(sql.SQL("set local lock_timeout = {}").format(sql.Literal(f"{LOCK_SECONDS}s")))
        for change in _first_transaction(source, link, after):
            if (error := trial.attempt(change)) is not None:
                return error
    return None


def _applied(target: Connection, link: Link) -> int:
    row = target.execute(
        "select o.remote_lsn::text as position from pg_catalog.pg_subscription s"
        "  join pg_catalog.pg_replication_origin_status o on o.external_id = 'pg_' || s.oid::text"
        " where s.subname = %s",
        [link.name],
    ).fetchone()
    return parse_lsn(row.position) if row and row.position else 0


def _first_transaction(source: Connection, link: Link, after: int) -> Iterator[Change]:
    """Yield the changes of the first transaction that ends beyond a position; relations that were told before, too."""
    name = link.name
    if source.info.server_version >= FIRST_WITH_COPIES:
        name = f"dtsrun_look_{source.info.backend_pid}"
        source.execute("select pg_catalog.pg_copy_logical_replication_slot(%s, %s, true)", [link.name, name])
    try:
        yield from _read(source, link, name, after)
    finally:
        if name != link.name:
            source.execute("select pg_catalog.pg_drop_replication_slot(%s)", [name])


def _read(source: Connection, link: Link, slot: str, after: int) -> Iterator[Change]:
    rows = source.execute(
        "select data from pg_catalog.pg_logical_slot_peek_binary_changes("
        "  %s, null, %s, 'proto_version', '1', 'publication_names', %s)",
        [slot, MOST_CHANGES, ",".join(_quoted(name) for name in link.publications)],
        binary=True,
    ).fetchall()
    changes: list[Change] = []
    for row in rows:
        change = read(row.data)
        if isinstance(change, Relation):
            yield change
        elif isinstance(change, Begin):
            changes = []
        elif isinstance(change, Commit):
            # What has no change of ours is passed over by the worker as well.
            if change.end_lsn > after and changes:
                break
            changes = []
        else:
            changes.append(change)
    yield from changes


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


class _Trial:
    """Makes changes on the target, each in a savepoint."""

    def __init__(self, target: Connection) -> None:
        self._target = target
        self._relations: dict[int, Relation] = {}

    def attempt(self, change: Change) -> ApplyError | None:
        """Make a change; return why that cannot be, None where it can."""
        if isinstance(change, Relation):
            self._relations[change.oid] = change
        elif isinstance(change, Insert):
            return self._run(change.relation, "insert", change.new, *self._inserting(change))
        elif isinstance(change, Update):
            row = change.old or change.new
            return self._lost(change.relation, "update", row) or self._run(
                change.relation, "update", row, *self._updating(change)
            )
        elif isinstance(change, Delete):
            return self._lost(change.relation, "delete", change.old) or self._run(
                change.relation, "delete", change.old, *self._deleting(change)
            )
        elif isinstance(change, Truncate):
            return self._emptied(change)
        return None

    def _lost(self, oid: int, operation: str, row: Row) -> ApplyError | None:
        """Return why rows of the target's table cannot be found: an apply worker finds them by a key of the target's,
        whose columns must be among those that the source sends."""
        relation = self._relations[oid]
        query = files(__package__).joinpath("target_identity.sql").read_bytes()
        found = self._target.execute(query, [relation.schema, relation.name]).fetchone()
        sent = [column.name for column in relation.columns if column.is_key]
        if found is None:
            return None  # trying the change says so
        if relation.identity == "f" if found.columns is None else {*found.columns} <= {*sent}:
            return None
        return ApplyError(
            table=f"{relation.schema}.{relation.name}",
            key=_key_text(relation, row),
            operation=operation,
            cause=(
                f"its key there is ({', '.join(found.columns)}), and the source tells rows by ({', '.join(sent)})"
                if found.columns
                else "it has neither a primary key nor a replica identity there, by which the row could be found"
            ),
            remedy=_identity_anew(relation, sent),
        )

    def _run(
        self, oid: int, operation: str, row: Row | None, statement: sql.Composed, values: list[Any]
    ) -> ApplyError | None:
        relation = self._relations[oid]
        try:
            with self._target.transaction():
                self._target.execute(statement, values)
        except psycopg.Error as error:
            if error.sqlstate is None:
                raise
            return ApplyError(
                table=f"{relation.schema}.{relation.name}",
                key=_key_text(relation, row),
                operation=operation,
                cause=describe(error),
                remedy=_remedy(error, relation),
                is_transient=reaction(error) is Reaction.RETRY,
                sqlstate=error.sqlstate,
            )
        return None

    def _inserting(self, change: Insert) -> tuple[sql.Composed, list[Any]]:
        relation = self._relations[change.relation]
        statement = sql.SQL("insert into {} ({}) overriding system value values ({})").format(
            _table(relation),
            sql.SQL(", ").join(sql.Identifier(column.name) for column in relation.columns),
            sql.SQL(", ").join(sql.Placeholder() for _ in relation.columns),
        )
        return statement, [_text(value) for value in change.new]

    def _updating(self, change: Update) -> tuple[sql.Composed, list[Any]]:
        relation = self._relations[change.relation]
        new = {c.name: v for c, v in zip(relation.columns, change.new, strict=True) if v is not UNCHANGED}
        where, values = self._where(relation, change.old or change.new)
        statement = sql.SQL("update {} set {} where {}").format(
            _table(relation),
            sql.SQL(", ").join(sql.SQL("{} = {}").format(sql.Identifier(n), sql.Placeholder()) for n in new),
            where,
        )
        return statement, [*(_text(value) for value in new.values()), *values]

    def _deleting(self, change: Delete) -> tuple[sql.Composed, list[Any]]:
        relation = self._relations[change.relation]
        where, values = self._where(relation, change.old)
        return sql.SQL("delete from {} where {}").format(_table(relation), where), values

    def _emptied(self, change: Truncate) -> ApplyError | None:
        relations = [self._relations[oid] for oid in change.relations]
        statement = sql.SQL("truncate {}").format(sql.SQL(", ").join(map(_table, relations)))
        error = self._run(change.relations[0], "truncate", None, statement, [])
        if error is None or error.sqlstate != REFERRED_TO:
            return error
        keys = referring_keys(self._target, [(each.schema, each.name) for each in relations])
        dropping = "; ".join(key.dropping.as_string(self._target) for key in keys)
        return replace(error, keys=keys, remedy=f"run on the target: {dropping}") if keys else error

    def _where(self, relation: Relation, row: Row) -> tuple[sql.Composed, list[Any]]:
        parts, values = [], []
        for column, value in zip(relation.columns, row, strict=True):
            if not column.is_key or value is UNCHANGED:
                continue
            # Compared as text: not every type has an equality (json, point).
            template = "{}::text is not distinct from {}" if relation.identity == "f" else "{} = {}"
            parts.append(sql.SQL(template).format(sql.Identifier(column.name), sql.Placeholder()))
            values.append(_text(value))
        return sql.SQL(" and ").join(parts or [sql.SQL("false").format()]), values


def _identity_anew(relation: Relation, columns: Sequence[str]) -> str:
    """Return the statements that give the target's table the identity of the source's."""
    table = f"{_quoted(relation.schema)}.{_quoted(relation.name)}"
    index = _quoted(f"{relation.name[:40]}_identity")
    return (
        f"run on the target: create unique index {index} on {table} ({', '.join(map(_quoted, columns))});"
        f" alter table {table} replica identity using index {index}"
    )


def _table(relation: Relation) -> sql.Identifier:
    return sql.Identifier(relation.schema, relation.name)


def _text(value: object) -> str | None:
    return value.decode() if isinstance(value, bytes) else None


def _key_text(relation: Relation, row: Row | None) -> str:
    if row is None or relation.identity == "f":
        return ""
    named = zip(relation.columns, row, strict=True)
    return ", ".join(f"{column.name} = {_text(value)}" for column, value in named if column.is_key)


_REMEDIES: Final[Mapping[str, str]] = {
    "23505": "the target has a row with this key already, which the source did not make: delete it there",
    "42P01": "make the table on the target; dtsrun repair does, where it is told as a drift",
    "42703": "give the target's table this column; dtsrun repair does, where it is told as a drift",
    "23502": "the target's column refuses nulls, the source's does not: alter the target's",
    "23514": "the target's table has a check that the source's has not: drop it, or make it not valid",
    "55P03": "somebody on the target holds a lock on the table: end that session",
    "42501": "grant the owner of the subscription what it lacks on the table",
}


def _remedy(error: psycopg.Error, relation: Relation) -> str:
    known = _REMEDIES.get(error.sqlstate or "")
    return known or f"compare the definitions of {relation.schema}.{relation.name} on both ends"
