"""The target account may create subscriptions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from psycopg import sql

from dtsrun.api import CheckContext, Finding, Fix, MigrationType, Precheck
from dtsrun_plugins.prechecks._engine import must_pull
from dtsrun_plugins.prechecks._sessions import session

GIVING: Final = ("pg_create_subscription", "rds_superuser", "cloudsqlsuperuser", "azure_pg_admin", "alloydbsuperuser")
"""Roles whose members may."""


class CreateSubscription(Precheck):
    """The target account may create subscriptions.

    What it does
    ------------
    Looks whether the account on the target is a superuser, a member of pg_create_subscription (version 16 and
    later), or of the role of administrators that a managed service has instead.

    Why it matters
    --------------
    The target pulls the changes by subscriptions. Without the right to create them the stream cannot begin.

    Spec
    ----
    `prechecks.policy.checks."precheck.create_subscription"`; it has no options.

    Needs
    -----
    Nothing beyond a login. All versions.

    Example
    -------
        failed  precheck.create_subscription  migrator may not create subscriptions on the target
          fix (target): GRANT pg_create_subscription TO "migrator"

    Limits
    ------
    CREATE on the database is needed as well: see precheck.target_permission.
    """

    name = "precheck.create_subscription"
    side = "target"
    requires = ("precheck.connect",)
    types = frozenset({MigrationType.FULL_INCREMENTAL})

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield an account that may not."""
        must_pull(context)
        row = (
            session(context, "target")
            .execute(
                "select rolname::text as name, rolsuper or exists ("
                "         select from pg_catalog.pg_roles s"
                "          where s.rolname = any (%s) and pg_catalog.pg_has_role(s.oid, 'usage')) as may"
                "  from pg_catalog.pg_roles where rolname = current_user",
                [list(GIVING)],
            )
            .fetchone()
        )
        if row and not row.may:
            has_role = context.facts("target").major >= 16
            right = sql.SQL("GRANT pg_create_subscription TO {}" if has_role else "ALTER ROLE {} SUPERUSER")
            yield Finding(
                subject=f"role {row.name}",
                message=f"{row.name} may not create subscriptions on the target",
                observed="no right",
                expected="pg_create_subscription" if has_role else "superuser",
                fix=Fix(
                    text="give the account the right",
                    sql=(right.format(sql.Identifier(row.name)).as_string(),),
                    side="target",
                ),
            )
