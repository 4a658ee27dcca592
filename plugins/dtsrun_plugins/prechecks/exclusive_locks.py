"""No chosen table is locked against reading."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files

from dtsrun.api import CheckContext, Finding, Fix, Precheck, Severity


class ExclusiveLocks(Precheck):
    """No chosen table is locked against reading.

    What it does
    ------------
    Lists the sessions that hold an ACCESS EXCLUSIVE lock on a chosen table of the source, or wait for one: ALTER
    TABLE, VACUUM FULL, CLUSTER, LOCK TABLE, an open TRUNCATE.

    Why it matters
    --------------
    pg_dump and the copy wait behind such a lock, and everybody else's sessions wait behind them.

    Spec
    ----
    `prechecks.policy.checks."precheck.exclusive_locks"`; it has no options.

    Needs
    -----
    Nothing beyond a login; who holds the lock shows to pg_read_all_stats only. All versions.

    Example
    -------
        alarm  precheck.exclusive_locks  session 4242 of app holds ACCESS EXCLUSIVE on public.orders
          fix (source): SELECT pg_catalog.pg_terminate_backend(4242)

    Limits
    ------
    A lock that comes and goes within a second is usually not seen.
    """

    name = "precheck.exclusive_locks"
    side = "source"
    severity = Severity.ALARM
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every such lock."""
        query = files(__package__).joinpath("exclusive_locks.sql").read_text()
        for database in context.inventory.databases.values():
            # Reading a table's name takes no lock on it.
            rows = context.source(database.name).execute(query.encode()).fetchall()
            for row in rows:
                relation = database.relations.get(row.oid)
                if relation is None:
                    continue
                verb = "holds" if row.granted else "waits for"
                yield Finding(
                    subject=f"{database.name}.{relation.qualified}",
                    message=f"session {row.pid} of {row.account} {verb} ACCESS EXCLUSIVE on {relation.qualified}",
                    observed=f"{verb} the lock",
                    expected="no such lock",
                    fix=Fix(
                        text="let it end, or end the session",
                        sql=(f"SELECT pg_catalog.pg_terminate_backend({row.pid})",),
                        side="source",
                    ),
                    evidence=row._asdict(),
                )
