"""The target can make an empty database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dtsrun.api import CheckContext, Finding, Fix, Precheck, Severity
from dtsrun_plugins.prechecks._sessions import session

CREATE: Final = "CREATE DATABASE template0 TEMPLATE template1 IS_TEMPLATE true ALLOW_CONNECTIONS false"


class TargetTemplates(Precheck):
    """The target can make an empty database.

    What it does
    ------------
    Looks whether the target has template0, and whether nobody can have put anything into it.

    Why it matters
    --------------
    A database that moves begins as a copy of template0. Without it nothing can be created; where it was opened,
    what somebody left there arrives in every database.

    Spec
    ----
    `prechecks.policy.checks."precheck.target_templates"`; it has no options.

    Needs
    -----
    Nothing beyond a login. All versions.

    Example
    -------
        failed  precheck.target_templates  the target has no template0
          fix (target): CREATE DATABASE template0 TEMPLATE template1 IS_TEMPLATE true ALLOW_CONNECTIONS false

    Limits
    ------
    What stands in an open template0 is not looked at.
    """

    name = "precheck.target_templates"
    side = "target"
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield a template0 that is missing or open."""
        row = (
            session(context, "target")
            .execute("select datallowconn as is_open from pg_catalog.pg_database where datname = 'template0'")
            .fetchone()
        )
        if row is None:
            yield _finding("the target has no template0", "missing", CREATE, None)
        elif row.is_open:
            close = "ALTER DATABASE template0 ALLOW_CONNECTIONS false"
            yield _finding("template0 of the target takes connections", "open", close, Severity.ALARM)


def _finding(message: str, observed: str, statement: str, severity: Severity | None) -> Finding:
    return Finding(
        subject="target.template0",
        message=message,
        observed=observed,
        expected="there, and closed",
        fix=Fix(text="put it right, once it is known to be empty", sql=(statement,), side="target"),
        severity=severity,
    )
