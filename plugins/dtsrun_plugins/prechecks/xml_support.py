"""The target can hold XML, if there are columns of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import psycopg

from dtsrun.api import CheckContext, Connection, Finding, Fix, MigrationType, Precheck, SkipCheck

XML: Final = frozenset({142, 143})
"""xml and its array."""


class XmlSupport(Precheck):
    """The target can hold XML, if there are columns of it.

    What it does
    ------------
    Looks for columns of type xml, and if there are any lets both ends read a small document. A source that cannot has
    no values of it either.

    Why it matters
    --------------
    A server built without libxml has the type, so that tables are created, but takes no value: every row that has one
    is refused (`unsupported XML feature`).

    Spec
    ----
    `prechecks.policy.checks."precheck.xml_support"`; it has no options.

    Needs
    -----
    Nothing beyond a login on the target. All versions.

    Example
    -------
        failed  precheck.xml_support  shop.public.invoices: the target was built without XML, and public.invoices has
          columns of it: document

    Limits
    ------
    Empty tables are named too.
    """

    name = "precheck.xml_support"
    side = "target"
    types = frozenset({MigrationType.FULL, MigrationType.FULL_INCREMENTAL})
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every table with XML, if the target cannot hold it."""
        columns = {
            f"{database.name}.{relation.qualified}": names
            for database in context.inventory.databases.values()
            for relation in database.relations.values()
            if relation.has_rows and (names := [c.name for c in relation.columns if c.type_oid in XML])
        }
        if not columns:
            raise SkipCheck("no column holds XML")
        target = context.target()
        assert target is not None
        if _reads_xml(context.source()) and not _reads_xml(target):
            for subject, names in columns.items():
                yield Finding(
                    subject=subject,
                    message=f"the target was built without XML, and {subject} has columns of it: {', '.join(names)}",
                    observed="no XML",
                    expected="a server built with libxml",
                    fix=Fix(text="take a server that was built with libxml, or make the columns text", side="target"),
                )


def _reads_xml(connection: Connection) -> bool:
    try:
        connection.execute("select pg_catalog.xml_in('<a/>')")
    except psycopg.errors.FeatureNotSupported:
        return False
    return True
