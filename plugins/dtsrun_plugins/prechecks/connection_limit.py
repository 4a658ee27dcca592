"""No limit of a role or a database stands in the way of the task."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from dtsrun.api import CheckContext, Finding, Fix, Precheck, Side
from dtsrun.resources import Known, decide_resources
from dtsrun_plugins.prechecks._sessions import session


class ConnectionLimit(Precheck):
    """No limit of a role or a database stands in the way of the task.

    What it does
    ------------
    Compares CONNECTION LIMIT of the account and of the chosen databases, on both ends, with what the task opens at
    most.

    Why it matters
    --------------
    Such a limit is easily forgotten: it is low on purpose for an application, and refuses the second worker of a
    copy.

    Spec
    ----
    `resources.copy` and `resources.index` say how much is done at once.

    Needs
    -----
    Nothing beyond a login. All versions.

    Example
    -------
        failed  precheck.connection_limit  role migrator allows 2 connections to the source, and 6 are needed
          fix (source): ALTER ROLE "migrator" CONNECTION LIMIT -1

    Limits
    ------
    Connections of others under the same limit are not counted. Superusers have no limit.
    """

    name = "precheck.connection_limit"
    side = "both"
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every limit that is too low."""
        sides: tuple[Side, Side] = ("source", "target")
        for side in sides:
            # The spec's own names: to read the inventory takes connections.
            chosen = context.spec.selection.databases
            names = [name if side == "source" else context.spec.selection.target_name(name) for name in chosen]
            yield from _too_low(context, side, names)


def _too_low(context: CheckContext, side: Side, databases: list[str]) -> Iterator[Finding]:
    if context.facts(side).is_superuser:
        return
    resources, _ = decide_resources(context.spec.resources, Known(context.facts("source"), context.facts("target")))
    needed = max(2, (resources.copy or 1) + (resources.index or 1)) + 1
    rows = (
        session(context, side)
        .execute(
            "select 'role' as kind, rolname::text as name, rolconnlimit as most"
            "  from pg_catalog.pg_roles where rolname = current_user and rolconnlimit between 0 and %(needed)s - 1"
            " union all"
            " select 'database', datname::text, datconnlimit"
            "  from pg_catalog.pg_database"
            " where (%(all)s or datname = any (%(databases)s)) and datconnlimit between 0 and %(needed)s - 1",
            {"needed": needed, "databases": databases, "all": not databases},
        )
        .fetchall()
    )
    for row in rows:
        statement = sql.SQL("ALTER {} {} CONNECTION LIMIT -1").format(
            sql.SQL(row.kind.upper()), sql.Identifier(row.name)
        )
        yield Finding(
            subject=f"{row.kind} {row.name}",
            message=f"{row.kind} {row.name} allows {row.most} connections to the {side}, and {needed} are needed",
            observed=str(row.most),
            expected=f"{needed} or more",
            fix=Fix(text="raise the limit for the time of the migration", sql=(statement.as_string(),), side=side),
        )
