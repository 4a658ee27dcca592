"""The target account may give roles their attributes."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from dtsrun.api import CheckContext, Finding, Fix, Precheck, Severity
from dtsrun_plugins.prechecks._sessions import session


class RoleAttributes(Precheck):
    """The target account may give roles their attributes.

    What it does
    ------------
    Where the account of the target is no superuser, lists roles that move with REPLICATION or BYPASSRLS, which it may
    not give: since version 16 who has an attribute may give it, before only superusers.

    Why it matters
    --------------
    The role arrives without it, and the report says so. A replica, a backup or a reporting job that relied on it stops,
    or, without BYPASSRLS, sees fewer rows and says nothing.

    Spec
    ----
    `prechecks.policy.checks`; it has no options.

    Needs
    -----
    Nothing beyond a login on both ends.

    Example
    -------
        alarm  precheck.role_attributes  migrator may not give role backup the attribute REPLICATION

    Limits
    ------
    SUPERUSER and CREATEROLE are looked at by `precheck.target_permission`.
    """

    name = "precheck.role_attributes"
    side = "target"
    severity = Severity.ALARM
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every attribute that a role would lose."""
        facts = context.facts("target")
        if facts.is_superuser:
            return
        own = session(context, "target").execute(
            "select rolreplication as replication, rolbypassrls as bypass_rls"
            " from pg_catalog.pg_roles where rolname = current_user"
        )
        has = own.fetchone()
        for role in context.inventory.roles:
            for field, word in (("replication", "REPLICATION"), ("bypass_rls", "BYPASSRLS")):
                may = facts.major >= 16 and getattr(has, field)
                # A superuser's attributes come with SUPERUSER, which is a matter of its own.
                if getattr(role, field) and not role.superuser and not may:
                    yield _finding(role.name, word, facts.current_user)


def _finding(role: str, word: str, account: str) -> Finding:
    statement = sql.SQL("ALTER ROLE {} {}").format(sql.Identifier(account), sql.SQL(word)).as_string()
    return Finding(
        subject=f"role {role}",
        message=f"{account} may not give role {role} the attribute {word}",
        observed=f"no {word}",
        expected=word,
        fix=Fix(
            text="give the account the attribute (version 16 on), or use a superuser", sql=(statement,), side="target"
        ),
    )
