"""A whole instance moves to an empty one."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from dtsrun.api import CheckContext, Finding, Fix, Precheck, Severity, SkipCheck
from dtsrun_plugins.prechecks._sessions import session


class EmptyTarget(Precheck):
    """A whole instance moves to an empty one.

    What it does
    ------------
    Where the whole instance moves, lists databases of the target that the source does not have.

    Why it matters
    --------------
    Roles, settings and grants of a whole instance then reach databases of others. Databases of the same names are
    compared object by object by `precheck.structure_conflict`.

    Spec
    ----
    `prechecks.policy.checks`; it has no options.

    Needs
    -----
    Nothing beyond a login on both ends.

    Example
    -------
        alarm  precheck.empty_target  the target holds database crm, which the source does not have

    Limits
    ------
    What is in them is not looked at.
    """

    name = "precheck.empty_target"
    side = "target"
    severity = Severity.ALARM
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every database of others."""
        if not context.spec.selection.entire_instance:
            raise SkipCheck("single databases are chosen")
        ours = {database.target for database in context.inventory.databases.values()}
        rows = session(context, "target").execute(
            "select datname::text as name from pg_catalog.pg_database where not datistemplate"
            "   and datname not in ('postgres', pg_catalog.current_database()) and not datname = any (%s) order by 1",
            [list(ours)],
        )
        for row in rows.fetchall():
            statement = sql.SQL("DROP DATABASE {}").format(sql.Identifier(row.name)).as_string()
            yield Finding(
                subject=f"database {row.name}",
                message=f"the target holds database {row.name}, which the source does not have",
                observed="there",
                expected="an empty target",
                fix=Fix(text="take another target, or drop it if nobody needs it", sql=(statement,), side="target"),
            )
