"""The target does not write password hashes into its log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from psycopg import sql

from dtsrun.api import CheckContext, Finding, Fix, Precheck, Severity
from dtsrun_plugins.prechecks._sessions import session, setting

DURATIONS: Final = ("log_min_duration_statement", "log_min_duration_sample")
SHORT_MS: Final = 999
"""No CREATE ROLE takes longer: a log of what does is one of slow statements."""


class PasswordLogging(Precheck):
    """The target does not write password hashes into its log.

    What it does
    ------------
    Where roles move with their hashes, looks whether `log_statement` of the target is ddl, mod or all, and whether
    statements of less than a second are logged for their duration (`log_min_duration_statement`,
    `log_min_duration_sample`).

    Why it matters
    --------------
    CREATE ROLE carries the hash, and the server writes the statement as it is into its log: where logs are collected,
    many can read it.

    Spec
    ----
    `prechecks.policy.checks`; it has no options.

    Needs
    -----
    Nothing beyond a login on the target.

    Example
    -------
        alarm  precheck.password_logging  log_statement is ddl on the target: the password hashes of 12 roles go to ...

    Limits
    ------
    pgaudit and other extensions that log are not looked at.
    """

    name = "precheck.password_logging"
    side = "target"
    severity = Severity.ALARM
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield one finding for each setting, about all roles."""
        carried = sorted(role.name for role in context.inventory.roles if role.password_hash)
        for name, (value, quiet) in _loud(context).items() if carried else ():
            account = sql.Identifier(context.facts("target").current_user)
            statement = sql.SQL("ALTER ROLE {} SET {} = {}").format(account, sql.SQL(name), sql.Literal(quiet))
            yield Finding(
                subject="target",
                message=f"{name} is {value} on the target: the password hashes of {len(carried)}"
                f" {'role' if len(carried) == 1 else 'roles'} go to its log",
                observed=value,
                expected=quiet,
                fix=Fix(
                    text="set it for the account of the migration alone", sql=(statement.as_string(),), side="target"
                ),
                evidence={"roles": carried},
            )


def _loud(context: CheckContext) -> dict[str, tuple[str, str]]:
    """Return the settings that bring statements into the log: their value, and the one that does not."""
    logs = setting(context, "target", "log_statement")
    found = {} if logs == "none" else {"log_statement": (logs, "none")}
    rows = session(context, "target").execute(
        "select name, setting from pg_catalog.pg_settings where name = any (%s) and setting::int between 0 and %s"
        " order by name desc",
        [list(DURATIONS), SHORT_MS],
    )
    return found | {row.name: (row.setting, "-1") for row in rows.fetchall()}
