"""The target's own memory of what is done, written in the same transaction as the work.

Each database that a task writes to has a schema `_dtsrun` with a table of marks. A crash at any moment leaves either
the work and its mark, or neither. The schema goes away when the task completes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dtsrun.api import Connection, StepResult

SCHEMA: Final = "_dtsrun"


@dataclass(frozen=True, slots=True)
class Mark:
    """What the target remembers of one step."""

    step: str
    done: bool
    """False: it ran and some objects failed; `detail` says what need not be done again."""
    epoch: int
    rows: int
    bytes: int
    detail: Mapping[str, Any]


def prepare(connection: Connection) -> None:
    """Make the schema and its table where they are not there yet."""
    # One lock for all that come at once: "if not exists" alone races on the catalog's unique index.
    with connection.transaction():
        connection.execute("select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('_dtsrun'))")
        if exists(connection):
            return
        connection.execute("create schema if not exists _dtsrun")
        connection.execute(
            "create table if not exists _dtsrun.mark ("
            " task text not null, step text not null, done boolean not null, epoch integer not null,"
            " rows bigint not null, bytes bigint not null, detail text not null,"
            " finished_at timestamptz not null default pg_catalog.clock_timestamp(), primary key (task, step))"
        )


def exists(connection: Connection) -> bool:
    """Tell whether a database has marks."""
    row = connection.execute("select pg_catalog.to_regclass('_dtsrun.mark') is not null as found").fetchone()
    return bool(row and row.found)


def write(connection: Connection, task: str, step: str, epoch: int, result: StepResult) -> None:
    """Remember a step, as part of the transaction that the connection is in."""
    connection.execute(
        "insert into _dtsrun.mark (task, step, done, epoch, rows, bytes, detail) values (%s, %s, %s, %s, %s, %s, %s)"
        " on conflict (task, step) do update set done = excluded.done, epoch = excluded.epoch, rows = excluded.rows,"
        " bytes = excluded.bytes, detail = excluded.detail, finished_at = excluded.finished_at",
        [task, step, not result.failures, epoch, result.rows, result.bytes, json.dumps(dict(result.detail))],
    )


def read(connection: Connection, task: str, step: str) -> Mark | None:
    """Return the mark of one step."""
    row = connection.execute(
        "select step, done, epoch, rows, bytes, detail from _dtsrun.mark where task = %s and step = %s", [task, step]
    ).fetchone()
    return _mark(row) if row else None


def read_some(connection: Connection, task: str, steps: Sequence[str]) -> dict[str, Mark]:
    """Return the marks of some steps, by step."""
    rows = connection.execute(
        "select step, done, epoch, rows, bytes, detail from _dtsrun.mark where task = %s and step = any(%s)",
        [task, list(steps)],
    ).fetchall()
    return {row.step: _mark(row) for row in rows}


def read_all(connection: Connection, task: str) -> dict[str, Mark]:
    """Return all marks of a task in a database, by step; empty where it has none."""
    if not exists(connection):
        return {}
    rows = connection.execute(
        "select step, done, epoch, rows, bytes, detail from _dtsrun.mark where task = %s", [task]
    ).fetchall()
    return {row.step: _mark(row) for row in rows}


def forget(connection: Connection, task: str, step: str) -> None:
    """Forget one mark, as part of the transaction that the connection is in."""
    connection.execute("delete from _dtsrun.mark where task = %s and step = %s", [task, step])


def remove(connection: Connection, task: str) -> None:
    """Forget a task's marks; the schema goes with the last of them."""
    if not exists(connection):
        return
    with connection.transaction():
        connection.execute("delete from _dtsrun.mark where task = %s", [task])
        row = connection.execute("select exists (select from _dtsrun.mark) as others").fetchone()
        if row and not row.others:
            connection.execute("drop schema _dtsrun cascade")


def _mark(row: Any) -> Mark:
    return Mark(row.step, row.done, row.epoch, row.rows, row.bytes, json.loads(row.detail))
