"""The target lets in roles whose passwords are MD5 hashes."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from dtsrun.api import CheckContext, Finding, Fix, Precheck, Severity
from dtsrun_plugins.prechecks._sessions import setting


class PasswordMethod(Precheck):
    """The target lets in roles whose passwords are MD5 hashes.

    What it does
    ------------
    Where roles with MD5 hashes move, looks whether the target encrypts new passwords with SCRAM, as its rules of access
    then mostly ask for too.

    Why it matters
    --------------
    A hash moves as it is. Where `pg_hba.conf` of the target says scram-sha-256, nobody logs in by an MD5 hash: the
    applications find out at the cutover.

    Spec
    ----
    `prechecks.policy.checks`; it has no options.

    Needs
    -----
    To see the hashes: superuser on the source; others are told by `precheck.password_hashes`.

    Example
    -------
        alarm  precheck.password_method  the password of role app is an MD5 hash, and the target uses scram-sha-256

    Limits
    ------
    `pg_hba.conf` itself is not read: it may say md5, which takes both.
    """

    name = "precheck.password_method"
    side = "target"
    severity = Severity.ALARM
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every role that may not log in any more."""
        method = setting(context, "target", "password_encryption")
        for role in context.inventory.roles:
            if role.can_login and (role.password_hash or "").startswith("md5") and method == "scram-sha-256":
                command = sql.SQL("\\password {}").format(sql.Identifier(role.name)).as_string()
                yield Finding(
                    subject=f"role {role.name}",
                    message=f"the password of role {role.name} is an MD5 hash, and the target uses scram-sha-256",
                    observed="md5",
                    expected="scram-sha-256",
                    fix=Fix(
                        text=f"set the password anew with password_encryption = scram-sha-256 (psql: {command}),"
                        " or let pg_hba.conf of the target say md5, which takes both",
                        side="source",
                    ),
                )
