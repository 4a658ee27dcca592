"""The target does not write password hashes into its log."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from dtsrun.api import CheckContext, Finding, Fix, Precheck, Severity
from dtsrun_plugins.prechecks._sessions import setting


class PasswordLogging(Precheck):
    """The target does not write password hashes into its log.

    What it does
    ------------
    Where roles move with their hashes, looks whether `log_statement` of the target is ddl, mod or all.

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
        """Yield one finding for all roles."""
        carried = sorted(role.name for role in context.inventory.roles if role.password_hash)
        logs = setting(context, "target", "log_statement")
        if carried and logs != "none":
            account = sql.Identifier(context.facts("target").current_user)
            statement = sql.SQL("ALTER ROLE {} SET log_statement = 'none'").format(account).as_string()
            yield Finding(
                subject="target",
                message=f"log_statement is {logs} on the target:"
                f" the password hashes of {len(carried)} roles go to its log",
                observed=logs,
                expected="none",
                fix=Fix(text="set it for the account of the migration alone", sql=(statement,), side="target"),
                evidence={"roles": carried},
            )
