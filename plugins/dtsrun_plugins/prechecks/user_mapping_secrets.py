"""The options of user mappings can be read."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from dtsrun.api import CheckContext, Finding, Fix, Precheck, Severity


class UserMappingSecrets(Precheck):
    """The options of user mappings can be read.

    What it does
    ------------
    Looks, in databases with foreign servers, for user mappings whose options the account of the source does not see.

    Why it matters
    --------------
    They hold the names and passwords by which foreign tables are reached. A mapping without them arrives empty, and
    every query of its foreign tables fails.

    Spec
    ----
    `prechecks.policy.checks`; it has no options.

    Needs
    -----
    Superuser, or ownership of the foreign servers, to pass.

    Example
    -------
        alarm  precheck.user_mapping_secrets  the options of the mapping of app to server erp are hidden from migrator

    Limits
    ------
    A mapping without any options looks the same as a hidden one.
    """

    name = "precheck.user_mapping_secrets"
    side = "source"
    severity = Severity.ALARM
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every mapping whose options are hidden."""
        facts = context.facts("source")
        if facts.is_superuser:
            return
        for database in context.inventory.databases.values():
            if not any(entry.type == "USER MAPPING" for entry in database.entries.values()):
                continue
            rows = context.source(database.name).execute(
                "select srvname as server, usename as account from pg_catalog.pg_user_mappings"
                " where umoptions is null order by 1, 2"
            )
            for row in rows.fetchall():
                yield _finding(database.name, row.server, row.account, facts.current_user)


def _finding(database: str, server: str, mapped: str, account: str) -> Finding:
    who = sql.SQL("PUBLIC") if mapped == "public" else sql.Identifier(mapped)
    statement = sql.SQL("ALTER USER MAPPING FOR {} SERVER {} OPTIONS (ADD user '...', ADD password '...')").format(
        who, sql.Identifier(server)
    )
    return Finding(
        subject=f"{database}.{server}",
        message=f"the options of the mapping of {mapped} to server {server} are hidden from {account}",
        observed="hidden",
        expected="readable",
        fix=Fix(
            text="use a superuser on the source, or set the options on the target afterwards",
            sql=(statement.as_string(),),
            side="target",
        ),
    )
