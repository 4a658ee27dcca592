"""The source is not fed by subscriptions of its own."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from dtsrun.api import CheckContext, Finding, Fix, MigrationType, Precheck, Severity


class Subscriptions(Precheck):
    """The source is not fed by subscriptions of its own.

    What it does
    ------------
    Looks for enabled subscriptions in the chosen databases.

    Why it matters
    --------------
    While such a database moves, rows go on coming in from a third server. The subscription arrives disabled, and its
    slot belongs to the old server: after the cutover either both ends take changes from it, or none does.

    Spec
    ----
    `prechecks.policy.checks."precheck.subscriptions"`; it has no options.

    Needs
    -----
    Superuser before version 12; the check cannot know otherwise.

    Example
    -------
        alarm  precheck.subscriptions  shop.from_erp: subscription from_erp feeds database shop
          fix (source): ALTER SUBSCRIPTION "from_erp" DISABLE;

    Limits
    ------
    Other ways of feeding (triggers, foreign tools) are not seen.
    """

    name = "precheck.subscriptions"
    side = "source"
    severity = Severity.ALARM
    types = frozenset({MigrationType.FULL, MigrationType.FULL_INCREMENTAL})
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every subscription that is at work."""
        rows = context.source().execute(
            "select d.datname::text as database, s.subname::text as name, s.subpublications as publications"
            "  from pg_catalog.pg_subscription s join pg_catalog.pg_database d on d.oid = s.subdbid"
            " where s.subenabled and d.datname = any (%s) order by 1, 2",
            [list(context.inventory.databases)],
        )
        for row in rows:
            statement = sql.SQL("ALTER SUBSCRIPTION {} DISABLE").format(sql.Identifier(row.name)).as_string()
            yield Finding(
                subject=f"{row.database}.{row.name}",
                message=f"subscription {row.name} feeds database {row.database}",
                observed=f"enabled, of {', '.join(row.publications)}",
                expected="none, or disabled",
                fix=Fix(text="disable it for the cutover, and enable the target's", sql=(statement,), side="source"),
            )
