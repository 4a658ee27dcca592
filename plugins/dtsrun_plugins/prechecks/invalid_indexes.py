"""All indexes are valid."""

from __future__ import annotations

from collections.abc import Iterator

from dtsrun.api import CheckContext, Finding, Fix, Precheck, Severity
from dtsrun_plugins.prechecks._catalog import catalog_rows, subject_of


class InvalidIndexes(Precheck):
    """All indexes are valid.

    What it does
    ------------
    Looks for indexes that a failed CREATE INDEX CONCURRENTLY or REINDEX CONCURRENTLY left behind.

    Why it matters
    --------------
    pg_dump leaves invalid indexes out, so they do not arrive. Whoever counts on one, for speed or to keep doubles out,
    never had it on the source either.

    Spec
    ----
    `prechecks.policy.checks."precheck.invalid_indexes"`; it has no options.

    Needs
    -----
    Nothing beyond a login. All versions.

    Example
    -------
        alarm  precheck.invalid_indexes  shop.public.orders_at: index public.orders_at of public.orders is not valid
          fix (source): REINDEX INDEX public.orders_at;

    Limits
    ------
    An index that is being built at this moment looks the same.
    """

    name = "precheck.invalid_indexes"
    side = "source"
    severity = Severity.ALARM
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every invalid index."""
        for database, row in catalog_rows(context, "invalid_indexes.sql"):
            yield Finding(
                subject=subject_of(database, row),
                message=f"index {row.schema}.{row.name} of {row.relation} is not valid and does not move",
                observed="invalid",
                expected="valid",
                fix=Fix(text="build it anew, or drop it", sql=(f"REINDEX INDEX {row.quoted}",), side="source"),
                evidence={"unique": row.is_unique},
            )
