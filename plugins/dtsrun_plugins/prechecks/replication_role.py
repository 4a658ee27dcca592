"""The target account may switch triggers off for its own session."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from dtsrun.api import CheckContext, Finding, Fix, MigrationType, Precheck, Severity
from dtsrun_plugins.prechecks._sessions import session


class ReplicationRole(Precheck):
    """The target account may switch triggers off for its own session.

    What it does
    ------------
    Looks whether the account on the target may set session_replication_role: as a superuser, or by a GRANT (version
    15 and later).

    Why it matters
    --------------
    A table that has to be copied anew while the stream runs has its triggers and foreign keys already. They would
    fire for every row, and do once more what the source did already.

    Spec
    ----
    `prechecks.policy.checks."precheck.replication_role"`; it has no options.

    Needs
    -----
    Nothing beyond a login. All versions.

    Example
    -------
        alarm  precheck.replication_role  migrator may not set session_replication_role on the target
          fix (target): GRANT SET ON PARAMETER session_replication_role TO "migrator"

    Limits
    ------
    The first copy needs no such right: triggers are created after it.
    """

    name = "precheck.replication_role"
    side = "target"
    severity = Severity.ALARM
    requires = ("precheck.connect",)
    types = frozenset({MigrationType.FULL_INCREMENTAL})

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield an account that may not."""
        if context.facts("target").is_superuser or self._was_granted(context):
            return
        account = context.facts("target").current_user
        right = sql.SQL("GRANT SET ON PARAMETER session_replication_role TO {}").format(sql.Identifier(account))
        can_grant = context.facts("target").major >= 15
        yield Finding(
            subject=f"role {account}",
            message=f"{account} may not set session_replication_role on the target",
            observed="no right",
            expected="SET on session_replication_role" if can_grant else "superuser",
            fix=Fix(
                text="grant it" if can_grant else "take a superuser of the target (grants of settings came with 15)",
                sql=(right.as_string(),) if can_grant else (),
                side="target",
            ),
        )

    def _was_granted(self, context: CheckContext) -> bool:
        if context.facts("target").major < 15:
            return False
        row = (
            session(context, "target")
            .execute("select pg_catalog.has_parameter_privilege('session_replication_role', 'set') as may")
            .fetchone()
        )
        return bool(row and row.may)
