"""The target account may grant the memberships."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from dtsrun.api import CheckContext, Finding, Fix, Precheck, Severity
from dtsrun_plugins.prechecks._sessions import session


class RoleMemberships(Precheck):
    """The target account may grant the memberships.

    What it does
    ------------
    From version 16 on, where the account of the target is no superuser, lists memberships that move in roles that the
    target has already, predefined ones too, and over which it has no ADMIN option.

    Why it matters
    --------------
    The membership is left out: monitoring without pg_monitor, a service without the rights of its group.

    Spec
    ----
    `prechecks.policy.checks`; it has no options.

    Needs
    -----
    Nothing beyond a login on the target.

    Example
    -------
        alarm  precheck.role_memberships  migrator may not grant pg_monitor to role app

    Limits
    ------
    Before version 16 CREATEROLE is enough, but for superusers.
    """

    name = "precheck.role_memberships"
    side = "target"
    severity = Severity.ALARM
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every membership that would be refused."""
        facts = context.facts("target")
        if facts.is_superuser or facts.major < 16:
            return
        rows = session(context, "target").execute(
            "select rolname::text as name from pg_catalog.pg_roles"
            " where not pg_catalog.pg_has_role(oid, 'member with admin option')"
        )
        closed = {row.name for row in rows.fetchall()}
        for membership in context.inventory.memberships:
            if membership.role in closed:
                yield _finding(membership.role, membership.member, facts.current_user)


def _finding(role: str, member: str, account: str) -> Finding:
    names = sql.Identifier(role), sql.Identifier(account)
    statement = sql.SQL("GRANT {} TO {} WITH ADMIN OPTION").format(*names).as_string()
    return Finding(
        subject=f"role {member}",
        message=f"{account} may not grant {role} to role {member}",
        observed="no ADMIN option",
        expected=f"ADMIN option on {role}",
        fix=Fix(text="give the account the option", sql=(statement,), side="target"),
    )
