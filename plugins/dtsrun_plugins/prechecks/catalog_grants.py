"""The target account may repeat grants on what belongs to the server."""

from __future__ import annotations

from collections.abc import Iterator

from dtsrun.api import CheckContext, Finding, Fix, Precheck, Severity


class CatalogGrants(Precheck):
    """The target account may repeat grants on what belongs to the server.

    What it does
    ------------
    Where the account of the target is no superuser, lists grants on functions and tables of `pg_catalog` that users
    made on the source.

    Why it matters
    --------------
    What belongs to the server has a superuser for its owner, and only that one may grant it: the grant is left out, and
    monitoring or backup jobs that lived by it stop.

    Spec
    ----
    `prechecks.policy.checks`; it has no options.

    Needs
    -----
    Nothing beyond a login on both ends.

    Example
    -------
        alarm  precheck.catalog_grants  migrator is no superuser of the target, and may not repeat ACL ...

    Limits
    ------
    Managed services grant some of these by roles of their own.
    """

    name = "precheck.catalog_grants"
    side = "target"
    severity = Severity.ALARM
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every grant that would be refused."""
        facts = context.facts("target")
        if facts.is_superuser:
            return
        for database in context.inventory.databases.values():
            for entry in database.entries.values():
                if entry.type == "ACL" and entry.schema == "pg_catalog":
                    statements = [line for line in entry.sql.splitlines() if line.strip()]
                    yield Finding(
                        subject=f"{database.name}.{entry.label}",
                        message=f"{facts.current_user} is no superuser of the target, and may not repeat {entry.label}",
                        observed="no superuser",
                        expected="superuser, or the grant made by one",
                        fix=Fix(text="let a superuser of the target grant it", sql=tuple(statements), side="target"),
                    )
