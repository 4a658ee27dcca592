"""Sessions on the target may write by default."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from typing import Any

from psycopg import sql

from dtsrun.api import CheckContext, Finding, Fix, Precheck, Severity
from dtsrun_plugins.prechecks._sessions import session


class TargetReadOnly(Precheck):
    """Sessions on the target may write by default.

    What it does
    ------------
    Looks for `default_transaction_read_only` in the target's configuration, and in what `ALTER DATABASE` and
    `ALTER ROLE` left for the chosen databases and the account.

    Why it matters
    --------------
    Managed services set it when the disk is nearly full, operators while they repair something: whoever did so does
    not expect a migration now, and applications could not write after it.

    Spec
    ----
    `prechecks.policy.checks."precheck.target_read_only"`; it has no options.

    Needs
    -----
    Nothing beyond a login. All versions.

    Example
    -------
        alarm  precheck.target_read_only  database shop begins sessions read-only (default_transaction_read_only)
          fix (target): ALTER DATABASE "shop" RESET default_transaction_read_only;

    Limits
    ------
    dtsrun's own sessions set it off for themselves, hence an alarm and not a failure.
    """

    name = "precheck.target_read_only"
    side = "target"
    severity = Severity.ALARM
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield each place that makes sessions read-only."""
        query = files(__package__).joinpath("target_read_only.sql").read_text()
        databases = [database.target for database in context.inventory.databases.values()]
        rows = session(context, "target").execute(query.encode(), {"databases": databases}).fetchall()
        for row in rows:
            yield _finding(_place(row), _reset(row))
        # What role or database set would show here too.
        if not rows and context.facts("target").settings.get("default_transaction_read_only") == "on":
            yield _finding("the target", "ALTER SYSTEM RESET default_transaction_read_only")


def _place(row: Any) -> str:
    named = [("role", row.role), ("database", row.database)]
    return " in ".join(f"{word} {name}" for word, name in named if name) or "every role"


def _reset(row: Any) -> str:
    role, database = (sql.Identifier(name) if name else None for name in (row.role, row.database))
    change = sql.SQL("RESET default_transaction_read_only")
    if database is None:
        return sql.SQL("ALTER ROLE {} {}").format(role or sql.SQL("ALL"), change).as_string()
    if role is None:
        return sql.SQL("ALTER DATABASE {} {}").format(database, change).as_string()
    return sql.SQL("ALTER ROLE {} IN DATABASE {} {}").format(role, database, change).as_string()


def _finding(place: str, statement: str) -> Finding:
    system = statement.startswith("ALTER SYSTEM")
    return Finding(
        subject="target" if system else place,
        message=f"{place} begins sessions read-only (default_transaction_read_only)",
        observed="on",
        expected="off",
        fix=Fix(
            text="find out who set it and why, then take it back",
            sql=(statement, "SELECT pg_catalog.pg_reload_conf()") if system else (statement,),
            side="target",
            takes_effect="reload" if system else "at once",
        ),
    )
