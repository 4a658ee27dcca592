"""The source account may replicate."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from dtsrun.api import CheckContext, Finding, Fix, MigrationType, Precheck
from dtsrun_plugins.prechecks._sessions import session


class ReplicationAttribute(Precheck):
    """The source account may replicate.

    What it does
    ------------
    Looks whether the account on the source has the attribute REPLICATION, is a superuser, or is a member of the
    role that a managed service has for it (rds_replication).

    Why it matters
    --------------
    Without it the server gives out no changes, whatever else the account may read.

    Spec
    ----
    `prechecks.policy.checks."precheck.replication_attribute"`; it has no options.

    Needs
    -----
    Nothing beyond a login. All versions.

    Example
    -------
        failed  precheck.replication_attribute  migrator may not replicate from the source
          fix (source): ALTER ROLE "migrator" REPLICATION

    Limits
    ------
    Services that decide it by other means show in precheck.replication_protocol.
    """

    name = "precheck.replication_attribute"
    side = "source"
    requires = ("precheck.connect",)
    types = frozenset({MigrationType.FULL_INCREMENTAL})

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield an account that may not replicate."""
        row = (
            session(context, "source")
            .execute(
                "select rolname::text as name, rolsuper or rolreplication or exists ("
                "         select from pg_catalog.pg_roles s"
                "          where s.rolname = 'rds_replication' and pg_catalog.pg_has_role(s.oid, 'usage')) as may"
                "  from pg_catalog.pg_roles where rolname = current_user"
            )
            .fetchone()
        )
        if row and not row.may:
            statement = sql.SQL("ALTER ROLE {} REPLICATION").format(sql.Identifier(row.name)).as_string()
            yield Finding(
                subject=f"role {row.name}",
                message=f"{row.name} may not replicate from the source",
                observed="no REPLICATION",
                expected="REPLICATION",
                fix=Fix(text="give the account REPLICATION (on RDS: rds_replication)", sql=(statement,), side="source"),
            )
