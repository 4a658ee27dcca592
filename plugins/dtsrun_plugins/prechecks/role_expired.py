"""No role that moves has expired."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from dtsrun.api import CheckContext, Finding, Fix, Precheck, Severity
from dtsrun_plugins.prechecks._sessions import session


class RoleExpired(Precheck):
    """No role that moves has expired.

    What it does
    ------------
    Lists the roles with LOGIN that move and whose VALID UNTIL has passed.

    Why it matters
    --------------
    They arrive as they are. Whoever tries the application on the target looks for the fault in the migration.

    Spec
    ----
    `migration.objects.roles` chooses roles.

    Needs
    -----
    Nothing beyond a login on the source.

    Example
    -------
        alarm  precheck.role_expired  the password of role app has expired at 2024-01-01 00:00:00+00

    Limits
    ------
    Only password logins look at VALID UNTIL; others go on.
    """

    name = "precheck.role_expired"
    side = "source"
    severity = Severity.ALARM
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every role that has expired."""
        limited = [role.name for role in context.inventory.roles if role.can_login and role.valid_until]
        rows = session(context, "source").execute(
            "select rolname::text as name, rolvaliduntil::text as until from pg_catalog.pg_roles"
            " where rolname = any (%s) and rolvaliduntil < pg_catalog.now() order by 1",
            [limited],
        )
        for row in rows.fetchall():
            statement = sql.SQL("ALTER ROLE {} VALID UNTIL 'infinity'").format(sql.Identifier(row.name)).as_string()
            yield Finding(
                subject=f"role {row.name}",
                message=f"the password of role {row.name} has expired at {row.until}",
                observed=row.until,
                expected="in the future, or none",
                fix=Fix(text="prolong it, or leave the role behind", sql=(statement,), side="source"),
            )
