"""Both ends can lock all tables of a database at once."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from typing import Final

from dtsrun.api import CheckContext, Connection, Finding, Fix, Precheck, Side
from dtsrun_plugins.prechecks._sessions import session, setting

SIDES: Final[tuple[Side, ...]] = ("source", "target")
PROCESSES: Final = (
    "max_connections",
    "max_prepared_transactions",
    "autovacuum_max_workers",
    "max_worker_processes",
    "max_wal_senders",
)


class LocksCapacity(Precheck):
    """Both ends can lock all tables of a database at once.

    What it does
    ------------
    Compares the tables of each chosen database with the locks that either server has room for:
    `max_locks_per_transaction` times the number of its processes and prepared transactions.

    Why it matters
    --------------
    pg_dump locks every table of a database in one transaction: of the source to read its definitions, of the target to
    compare them. Where the room is used up, it fails with "out of shared memory", and so do transactions of the
    applications.

    Spec
    ----
    `prechecks.policy.checks."precheck.locks_capacity"`; it has no options.

    Needs
    -----
    Nothing beyond a login. All versions.

    Example
    -------
        failed  precheck.locks_capacity  database shop has 30000 tables, and the source has room for 7600 locks
          fix (source, restart): ALTER SYSTEM SET max_locks_per_transaction = 512

    Limits
    ------
    Locks of the applications at that time come on top, and on the target the tables that it has already.
    """

    name = "precheck.locks_capacity"
    side = "both"
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every database with more tables than there is room for."""
        tables = {name: _tables(context.source(name)) for name in _databases(context)}
        for side in SIDES:
            each = int(setting(context, side, "max_locks_per_transaction"))
            settings = context.facts(side).settings
            # Versions before 12 count WAL senders within max_connections: the sum is a little high then.
            processes = sum(int(settings.get(name, 0)) for name in PROCESSES) + 1
            for name, count in tables.items():
                if count > each * processes:
                    yield _too_many(name, count, side, each, processes)


def _too_many(database: str, tables: int, side: Side, each: int, processes: int) -> Finding:
    return Finding(
        subject=f"database {database}",
        message=f"database {database} has {tables} tables, and the {side} has room for {each * processes} locks",
        observed=f"{each} locks for each of {processes} processes",
        expected=f"{tables} locks",
        fix=Fix(
            text=f"raise max_locks_per_transaction of the {side}",
            sql=(f"ALTER SYSTEM SET max_locks_per_transaction = {ceil(tables / processes * 1.5)}",),
            side=side,
            takes_effect="restart",
        ),
    )


def _databases(context: CheckContext) -> list[str]:
    """Return the chosen databases, without the inventory: to read it takes the very locks."""
    rows = session(context, "source").execute(
        "select datname::text as name from pg_catalog.pg_database where datallowconn and not datistemplate"
        "   and pg_catalog.has_database_privilege(oid, 'connect') order by 1"
    )
    chosen = context.spec.selection
    return [row.name for row in rows if chosen.entire_instance or row.name in chosen.databases]


def _tables(connection: Connection) -> int:
    row = connection.execute(
        "select pg_catalog.count(*) as tables from pg_catalog.pg_class"
        " where relkind in ('r', 'p') and relnamespace not in ("
        "   select oid from pg_catalog.pg_namespace where nspname ~ '^pg_' or nspname = 'information_schema')"
    ).fetchone()
    return row.tables if row else 0
