"""The target account may create the extensions."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from dtsrun.api import CheckContext, Finding, Fix, Precheck, Severity
from dtsrun_plugins.prechecks._sessions import session


class ExtensionCreation(Precheck):
    """The target account may create the extensions.

    What it does
    ------------
    Where the account of the target is no superuser, lists chosen extensions that are not there yet and are not marked
    as trusted.

    Why it matters
    --------------
    Without the extension nothing of what uses its types and functions arrives.

    Spec
    ----
    `prechecks.policy.checks`; it has no options.

    Needs
    -----
    Nothing beyond a login on both ends.

    Example
    -------
        alarm  precheck.extension_creation  migrator is no superuser of the target, and extension postgres_fdw is ...

    Limits
    ------
    Managed services let roles of their own create some: there it may work all the same. Servers before version 13 have
    no trusted extensions.
    """

    name = "precheck.extension_creation"
    side = "target"
    severity = Severity.ALARM
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every extension that the account may not create."""
        facts = context.facts("target")
        if facts.is_superuser:
            return
        strict = "e.superuser and not e.trusted" if facts.major >= 13 else "e.superuser"
        query = sql.SQL("select distinct e.name from pg_catalog.pg_available_extension_versions e where ")
        rows = session(context, "target").execute(query + sql.SQL(strict)).fetchall()
        strict_ones = {row.name for row in rows}
        for database in context.inventory.databases.values():
            there = context.target(database.name) or session(context, "target")
            installed = {row.extname for row in there.execute("select extname from pg_catalog.pg_extension")}
            for extension in database.extensions:
                if extension.name in strict_ones - installed:
                    yield _finding(f"{database.name}.{extension.name}", extension.name, facts.current_user)


def _finding(subject: str, extension: str, account: str) -> Finding:
    statement = sql.SQL("CREATE EXTENSION {}").format(sql.Identifier(extension)).as_string()
    return Finding(
        subject=subject,
        message=f"{account} is no superuser of the target, and extension {extension} is not trusted",
        observed="needs a superuser",
        expected="trusted, or there already",
        fix=Fix(text="let a superuser create it in the target's database", sql=(statement,), side="target"),
    )
