"""The target publishes nothing of all its tables."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from dtsrun.api import CheckContext, Finding, Fix, MigrationType, Precheck, Severity


class TargetPublications(Precheck):
    """The target publishes nothing of all its tables.

    What it does
    ------------
    Looks for publications FOR ALL TABLES in databases that the target has already.

    Why it matters
    --------------
    Whatever arrives is published at once: subscribers of the target get every row, and changes to tables without a key
    cannot be applied (`cannot update table because it does not have a replica identity and publishes updates`).

    Spec
    ----
    `prechecks.policy.checks."precheck.target_publications"`; it has no options.

    Needs
    -----
    Nothing beyond a login on the target. All versions.

    Example
    -------
        alarm  precheck.target_publications  shop.everything: publication everything of the target publishes all tables
          fix (target): DROP PUBLICATION "everything";

    Limits
    ------
    Publications of a schema's tables are not looked at.
    """

    name = "precheck.target_publications"
    side = "target"
    severity = Severity.ALARM
    types = frozenset({MigrationType.FULL_INCREMENTAL})
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every publication that takes what arrives."""
        query = "select pubname::text as name from pg_catalog.pg_publication where puballtables order by 1"
        for database in context.inventory.databases.values():
            connection = context.target(database.name)
            for row in connection.execute(query) if connection else ():
                statement = sql.SQL("DROP PUBLICATION {}").format(sql.Identifier(row.name)).as_string()
                yield Finding(
                    subject=f"{database.target}.{row.name}",
                    message=f"publication {row.name} of the target publishes all tables",
                    observed="FOR ALL TABLES",
                    expected="none, or one that names its tables",
                    fix=Fix(text="drop it, or make it name its tables", sql=(statement,), side="target"),
                )
