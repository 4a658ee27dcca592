"""No event trigger of the target takes part in the work."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from dtsrun.api import CheckContext, Finding, Fix, Precheck, Severity


class TargetEventTriggers(Precheck):
    """No event trigger of the target takes part in the work.

    What it does
    ------------
    Looks for enabled event triggers in databases that the target has already.

    Why it matters
    --------------
    They fire at every object that dtsrun creates: one that forbids DDL stops the work, one that logs it or changes
    owners changes the outcome.

    Spec
    ----
    `prechecks.policy.checks."precheck.target_event_triggers"`; it has no options.

    Needs
    -----
    Nothing beyond a login on the target. All versions.

    Example
    -------
        alarm  precheck.target_event_triggers  shop.no_ddl: event trigger no_ddl of the target fires at what is created
          fix (target): ALTER EVENT TRIGGER "no_ddl" DISABLE;

    Limits
    ------
    Those of extensions are left out. The source's own event triggers are created last and do not fire.
    """

    name = "precheck.target_event_triggers"
    side = "target"
    severity = Severity.ALARM
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every event trigger that would fire."""
        for database in context.inventory.databases.values():
            connection = context.target(database.name)
            query = (
                "select e.evtname::text as name, e.evtevent::text as event from pg_catalog.pg_event_trigger e"
                " where e.evtenabled in ('O', 'A')"
                "   and not exists (select from pg_catalog.pg_depend d"
                "        where d.classid = 'pg_event_trigger'::regclass and d.objid = e.oid and d.deptype = 'e')"
                " order by 1"
            )
            for row in connection.execute(query) if connection else ():
                statement = sql.SQL("ALTER EVENT TRIGGER {} DISABLE").format(sql.Identifier(row.name)).as_string()
                yield Finding(
                    subject=f"{database.target}.{row.name}",
                    message=f"event trigger {row.name} of the target fires at what is created",
                    observed=f"enabled, on {row.event}",
                    expected="none, or disabled",
                    fix=Fix(text="disable it while dtsrun works", sql=(statement,), side="target"),
                )
