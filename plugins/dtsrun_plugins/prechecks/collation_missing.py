"""The target has the collations that columns name."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files

from dtsrun.api import CheckContext, Finding, Fix, Precheck
from dtsrun_plugins.prechecks._catalog import oids_text
from dtsrun_plugins.prechecks._sessions import session


class CollationMissing(Precheck):
    """The target has the collations that columns name.

    What it does
    ------------
    Lists the collations of `pg_catalog` that columns, indexes and domains use, and looks for them in the
    `pg_collation` of the target.

    Why it matters
    --------------
    These are imported from the operating system when a server is made, and differ from machine to machine. A table
    whose column names one that is missing cannot be created.

    Spec
    ----
    `prechecks.policy.checks`; it has no options.

    Needs
    -----
    Nothing beyond a login on both ends.

    Example
    -------
        failed  precheck.collation_missing  the target has no collation de_DE.utf8, which public.customers.name has

    Limits
    ------
    Collations that users made move as objects of their own.
    """

    name = "precheck.collation_missing"
    side = "target"
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every collation that the target does not have."""
        query = files(__package__).joinpath("collation_missing.sql").read_text()
        for database in context.inventory.databases.values():
            given = {"relations": oids_text(database.relations)}
            used = context.source(database.name).execute(query, given).fetchall()
            there = context.target(database.name) or session(context, "target")
            rows = there.execute(
                "select collname from pg_catalog.pg_collation where collnamespace = 'pg_catalog'::regnamespace"
            )
            known = {row.collname for row in rows}
            for row in used:
                if row.name not in known:
                    yield _finding(database.name, row.name, row.place)


def _finding(database: str, name: str, place: str) -> Finding:
    return Finding(
        subject=f"{database}.{place}",
        message=f"the target has no collation {name}, which {place} has",
        observed="missing",
        expected=name,
        fix=Fix(
            text="install the locale on the target's operating system, then import it in template1",
            sql=("SELECT pg_catalog.pg_import_system_collations('pg_catalog')",),
            side="target",
        ),
    )
