"""The source account may end sessions of others."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from dtsrun.api import CheckContext, Finding, Fix, MigrationType, Precheck, Severity
from dtsrun_plugins.prechecks._sessions import session


class SignalBackend(Precheck):
    """The source account may end sessions of others.

    What it does
    ------------
    Looks whether the account on the source is a superuser or a member of pg_signal_backend that inherits its right.

    Why it matters
    --------------
    When the applications move over, sessions that still write to the source have to end. An account that may not
    end them waits for whoever does.

    Spec
    ----
    `prechecks.policy.checks."precheck.signal_backend"`; it has no options.

    Needs
    -----
    Nothing beyond a login. All versions.

    Example
    -------
        alarm  precheck.signal_backend  migrator may not end sessions of others on the source
          fix (source): GRANT pg_signal_backend TO "migrator"

    Limits
    ------
    Sessions of superusers are ended by superusers only.
    """

    name = "precheck.signal_backend"
    side = "source"
    severity = Severity.ALARM
    requires = ("precheck.connect",)
    types = frozenset({MigrationType.FULL_INCREMENTAL})

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield an account that may not."""
        row = (
            session(context, "source")
            .execute(
                "select current_user::text as name, pg_catalog.pg_has_role('pg_signal_backend', 'usage') as may,"
                "       pg_catalog.pg_has_role('pg_signal_backend', 'member') as is_member"
            )
            .fetchone()
        )
        if row and not row.may:
            statement = _granting(row.is_member, context.facts("source").major)
            yield Finding(
                subject=f"role {row.name}",
                message=f"{row.name} may not end sessions of others on the source",
                observed="a member that does not inherit" if row.is_member else "no right",
                expected="pg_signal_backend",
                fix=Fix(
                    text="let it inherit what the role may" if row.is_member else "grant the role",
                    sql=(statement.format(sql.Identifier(row.name)).as_string(),),
                    side="source",
                ),
            )


def _granting(is_member: bool, major: int) -> sql.SQL:
    if not is_member:
        return sql.SQL("GRANT pg_signal_backend TO {}")
    # Whether a member inherits is said by each grant from version 16 on, before by the member.
    return sql.SQL("GRANT pg_signal_backend TO {} WITH INHERIT TRUE" if major >= 16 else "ALTER ROLE {} INHERIT")
