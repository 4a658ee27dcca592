"""Takes away what a task left on the target: its marks when it is done, all that it made when it starts over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import psycopg
from psycopg import sql

from dtsrun import marks
from dtsrun.api import Connection
from dtsrun.engine.ends import Ends
from dtsrun.errors import MigrationError
from dtsrun.inventory import dump_entries
from dtsrun.journal import Creation, Journal
from dtsrun.plan import Plan
from dtsrun.postgres.sqlstate import describe

Say = Callable[[str, str], None]

FORCE_SINCE: Final = 13
"""`DROP DATABASE ... WITH (FORCE)` came with version 13."""


def tidy(ends: Ends, journal: Journal) -> None:
    """Remove the task's marks from every database of the target.

    The last commit waits for the disk, and with it everything that was committed before without waiting.
    """
    task = ends.spec.task.name
    with ends.connect("target", None, "tidy", synchronous_commit="on") as server:
        databases = _target_databases(server, ends, journal)
        marks.remove(server, task)
    for database in databases:
        with ends.connect("target", database, "tidy", synchronous_commit="on") as connection:
            marks.remove(connection, task)


def start_over(ends: Ends, journal: Journal, say: Say) -> None:
    """Remove all that an unfinished task made on the target, the newest first.

    Raises:
        MigrationError: something cannot be removed, since somebody else uses it; says what.
    """
    task = ends.spec.task.name
    creations = journal.creations(task)
    made = {creation.name for creation in creations if creation.what == "database"}
    with ends.connect("target", None, "start over") as server:
        moved = _target_databases(server, ends, journal)
    for database in moved:
        if ends.spec.selection.target_name(database) not in made:
            _drop_objects(ends, journal, database)
    for creation in reversed(creations):
        _drop(ends, creation)
        journal.removed(task, creation)
        say("removed", f"removed {creation.what} {creation.name} from the target")
    tidy(ends, journal)


def _target_databases(server: Connection, ends: Ends, journal: Journal) -> list[str]:
    """Return the source names of the planned databases whose counterpart exists."""
    plan = journal.plan(ends.spec.task.name) or ()
    planned = {item["database"] for item in plan if item["database"] is not None}
    rows = server.execute("select datname from pg_catalog.pg_database where datallowconn").fetchall()
    exist = {row.datname for row in rows}
    return sorted(name for name in planned if ends.spec.selection.target_name(name) in exist)


def _drop_objects(ends: Ends, journal: Journal, database: str) -> None:
    """Drop what the task restored into a database that was there before it."""
    plan = Plan.from_data(journal.plan(ends.spec.task.name) or [])
    labels = {
        entry["label"]
        for step in plan.steps.values()
        if step.database == database
        for entry in step.args.get("entries", ())
    }
    name = ends.spec.selection.target_name(database)
    route, kinds = ends.routes["target"], ends.registry.object_kinds
    newest = max(facts.major for facts in ends.facts.values())
    entries = [e for e in dump_entries(route, name, kinds, at_least=newest) if e.label in labels and e.drop_sql.strip()]
    with ends.connect("target", database, "start over") as connection, connection.transaction():
        for entry in reversed(entries):
            _try(connection, entry.drop_sql.encode(), f"{entry.label} of {name}")


def _drop(ends: Ends, creation: Creation) -> None:
    with ends.connect("target", None, "start over") as connection:
        statement = _drop_statement(creation, ends.facts["target"].major)
        if creation.what == "role":
            owned = sql.SQL("drop owned by {}").format(sql.Identifier(creation.name))
            if _exists(connection, creation.name):
                _try(connection, owned, f"what role {creation.name} owns")
        _try(connection, statement, f"{creation.what} {creation.name}")


def _drop_statement(creation: Creation, major: int) -> sql.Composed:
    kind = sql.SQL(creation.what)
    force = sql.SQL(" with (force)" if creation.what == "database" and major >= FORCE_SINCE else "")
    return sql.SQL("drop {} if exists {}{}").format(kind, sql.Identifier(creation.name), force)


def _exists(connection: Connection, role: str) -> bool:
    row = connection.execute(
        "select exists (select from pg_catalog.pg_roles where rolname = %s) as found", [role]
    ).fetchone()
    return bool(row and row.found)


def _try(connection: Connection, statement: sql.Composed | bytes, what: str) -> None:
    try:
        connection.execute(statement)
    except psycopg.Error as error:
        raise MigrationError(f"target: cannot remove {what}: {describe(error)}") from error
