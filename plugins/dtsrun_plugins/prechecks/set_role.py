"""The target account may hand objects over to their owners."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from dtsrun.api import CheckContext, Finding, Fix, Precheck, SkipCheck
from dtsrun_plugins.prechecks._sessions import session


class SetRole(Precheck):
    """The target account may hand objects over to their owners.

    What it does
    ------------
    From version 16 on, looks for owners of chosen objects of which the account is a member without the SET option.

    Why it matters
    --------------
    Since version 16 a membership alone is not enough: ALTER ... OWNER TO asks for the right to SET ROLE. Without it
    each object of that owner fails, one by one.

    Spec
    ----
    `prechecks.policy.checks`; it has no options.

    Needs
    -----
    Nothing beyond a login on the target.

    Example
    -------
        failed  precheck.set_role  migrator is a member of shop_owner, and may not SET ROLE to it

    Limits
    ------
    Owners of which the account is no member at all are named by `precheck.target_permission`.
    """

    name = "precheck.set_role"
    side = "target"
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every owner that the account cannot become."""
        facts = context.facts("target")
        if facts.major < 16:
            raise SkipCheck("before version 16 every member may SET ROLE")
        owners = {e.owner for d in context.inventory.databases.values() for e in d.entries.values() if e.owner}
        rows = session(context, "target").execute(
            "select rolname::text as name from pg_catalog.pg_roles where rolname = any (%s)"
            " and pg_catalog.pg_has_role(oid, 'member') and not pg_catalog.pg_has_role(oid, 'set') order by 1",
            [sorted(owners)],
        )
        for row in rows.fetchall():
            statement = sql.SQL("GRANT {} TO {} WITH SET TRUE").format(
                sql.Identifier(row.name), sql.Identifier(facts.current_user)
            )
            yield Finding(
                subject=f"role {row.name}",
                message=f"{facts.current_user} is a member of {row.name}, and may not SET ROLE to it",
                observed="SET FALSE",
                expected="SET TRUE",
                fix=Fix(text="grant the membership with SET", sql=(statement.as_string(),), side="target"),
            )
