"""The roles that policies name are there."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from dtsrun.api import CheckContext, Finding, Fix, Precheck
from dtsrun_plugins.prechecks._catalog import oids_text
from dtsrun_plugins.prechecks._sessions import session


class PolicyRoles(Precheck):
    """The roles that row-level policies name move or are there.

    What it does
    ------------
    Compares the roles that the policies of chosen tables name with those that move and those that the target has.

    Why it matters
    --------------
    A policy whose role is missing cannot be created. Its table then has row-level security without a policy: nobody but
    its owner sees a row, or one policy less lets through what it should hide.

    Spec
    ----
    `migration.objects.roles` chooses roles.

    Needs
    -----
    Nothing beyond a login on both ends.

    Example
    -------
        failed  precheck.policy_roles  role auditor is named by policy own_rows of public.orders, and neither moves ...

    Limits
    ------
    Roles in the expressions of policies are not looked for.
    """

    name = "precheck.policy_roles"
    side = "target"
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every role that will be missing."""
        rows = session(context, "target").execute("select rolname from pg_catalog.pg_roles").fetchall()
        known = {row.rolname for row in rows} | {role.name for role in context.inventory.roles}
        for database in context.inventory.databases.values():
            named = context.source(database.name).execute(
                "select r.rolname as role, p.polname as policy, n.nspname || '.' || c.relname as place"
                "  from pg_catalog.pg_policy p"
                "  join pg_catalog.pg_class c on c.oid = p.polrelid"
                "  join pg_catalog.pg_namespace n on n.oid = c.relnamespace"
                "  join pg_catalog.pg_roles r on r.oid = any (p.polroles)"
                " where c.oid = any (%s::oid[]) order by 1, 3, 2",
                [oids_text(database.relations)],
            )
            for row in named.fetchall():
                if row.role not in known:
                    yield _finding(f"{database.name}.{row.place}", row.role, f"policy {row.policy} of {row.place}")


def _finding(subject: str, role: str, place: str) -> Finding:
    statement = sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)).as_string()
    return Finding(
        subject=subject,
        message=f"role {role} is named by {place}, and neither moves nor exists on the target",
        observed="missing",
        expected="chosen, or there already",
        fix=Fix(text=f"add it to migration.objects.roles: [{role}], or create it", sql=(statement,), side="target"),
    )
