"""Nobody writes to the source while it is copied once."""

from __future__ import annotations

import time
from collections.abc import Iterator

from dtsrun.api import CheckContext, Finding, Fix, MigrationType, Precheck, Severity


class SourceWriters(Precheck):
    """Nobody writes to the source while it is copied once.

    What it does
    ------------
    Compares the counters of written rows of the chosen tables (`pg_stat_user_tables`) over `seconds`. Sessions that
    are merely connected do not count.

    Why it matters
    --------------
    A full task moves one moment of the source. What is written afterwards stays behind, and nothing will say so but
    the difference at the end.

    Spec
    ----
    `prechecks.policy.checks."precheck.source_writers".options`: `seconds` (default 2).

    Needs
    -----
    Nothing beyond a login. All versions.

    Example
    -------
        alarm  precheck.source_writers  214 rows of shop.public.orders were written within 2 s
          fix: stop the applications first, or take type full_incremental

    Limits
    ------
    A writer who rests during these seconds is not seen. Sessions hand in their counts every second or so, and only
    between transactions.
    """

    name = "precheck.source_writers"
    side = "source"
    severity = Severity.ALARM
    requires = ("precheck.connect",)
    types = frozenset({MigrationType.FULL})
    options = {
        "properties": {
            "seconds": {
                "type": "number",
                "minimum": 0,
                "maximum": 60,
                "default": 2,
                "description": "how long to watch the counters",
            }
        }
    }

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every table that was written to."""
        seconds = context.options["seconds"]
        before = _written(context)
        time.sleep(seconds)
        after = _written(context)
        for subject, written in after.items():
            count = written - before.get(subject, 0)
            if count > 0:
                yield Finding(
                    subject=subject,
                    message=f"{count} rows of {subject} were written within {seconds:g} s",
                    observed=f"{count} rows",
                    expected="none",
                    fix=Fix(
                        text="stop the applications first, or take type full_incremental, which follows the changes",
                        side="source",
                    ),
                )


def _written(context: CheckContext) -> dict[str, int]:
    """Return how many rows of each chosen table were written since its counters began."""
    written = {}
    for database in context.inventory.databases.values():
        rows = context.source(database.name).execute(
            "select relid::bigint as oid, n_tup_ins + n_tup_upd + n_tup_del as written"
            "  from pg_catalog.pg_stat_user_tables"
        )
        for row in rows.fetchall():
            relation = database.relations.get(row.oid)
            if relation is not None and relation.has_rows:
                written[f"{database.name}.{relation.qualified}"] = row.written
    return written
