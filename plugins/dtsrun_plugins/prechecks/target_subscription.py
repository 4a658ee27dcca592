"""No subscription writes into the databases of the target."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from dtsrun.api import CheckContext, Finding, Fix, Precheck, Severity
from dtsrun_plugins.prechecks._engine import must_pull
from dtsrun_plugins.prechecks._sessions import session


class TargetSubscription(Precheck):
    """No subscription writes into the databases of the target.

    What it does
    ------------
    Lists the enabled subscriptions of databases that exist on the target already.

    Why it matters
    --------------
    Rows of another publisher arrive beside those of the migration: doubles, conflicts, and a verification that ends
    otherwise each time.

    Spec
    ----
    `prechecks.policy.checks`; it has no options.

    Needs
    -----
    Nothing beyond a login on both ends.

    Example
    -------
        alarm  precheck.target_subscription  subscription from_berlin writes into database shop of the target

    Limits
    ------
    Sessions of applications are not looked at.
    """

    name = "precheck.target_subscription"
    side = "target"
    severity = Severity.ALARM
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every subscription that writes."""
        must_pull(context)
        targets = {database.target: database.name for database in context.inventory.databases.values()}
        rows = session(context, "target").execute(
            "select d.datname::text as database, s.subname::text as name from pg_catalog.pg_subscription s"
            "  join pg_catalog.pg_database d on d.oid = s.subdbid"
            " where s.subenabled and d.datname = any (%s) order by 1, 2",
            [list(targets)],
        )
        for row in rows.fetchall():
            statement = sql.SQL("ALTER SUBSCRIPTION {} DISABLE").format(sql.Identifier(row.name)).as_string()
            yield Finding(
                subject=f"{targets[row.database]}.{row.name}",
                message=f"subscription {row.name} writes into database {row.database} of the target",
                observed="enabled",
                expected="disabled",
                fix=Fix(text="disable it during the migration", sql=(statement,), side="target"),
            )
