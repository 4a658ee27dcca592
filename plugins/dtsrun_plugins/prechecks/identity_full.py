"""Large tables are not told by whole rows."""

from __future__ import annotations

from collections.abc import Iterator

from dtsrun.api import CheckContext, Finding, MigrationType, Precheck, Severity
from dtsrun_plugins.prechecks._catalog import subject_of
from dtsrun_plugins.prechecks._identity import identities, identity_fix


class IdentityFull(Precheck):
    """Large tables are not told by whole rows.

    What it does
    ------------
    Looks for tables with REPLICA IDENTITY FULL and more than `rows` rows that have no primary key.

    Why it matters
    --------------
    For each updated or deleted row the target looks through the whole table (before version 16 always; later unless
    it finds a fitting index). A single UPDATE of many rows keeps the target busy for days.

    Spec
    ----
    `prechecks.policy.checks."precheck.identity_full".options`: `rows` (default 100000).

    Needs
    -----
    Tables that were analyzed once: the number of rows is the planner's estimate. All versions.

    Example
    -------
        alarm  precheck.identity_full  shop.public.events: public.events has REPLICA IDENTITY FULL, no primary key and
          about 4800000 rows
          fix (source): ALTER TABLE public.events REPLICA IDENTITY USING INDEX events_uuid_key;

    Limits
    ------
    With a primary key FULL costs WAL on the source only, which is no finding.
    """

    name = "precheck.identity_full"
    side = "source"
    severity = Severity.ALARM
    types = frozenset({MigrationType.FULL_INCREMENTAL})
    requires = ("precheck.connect",)
    options = {
        "properties": {
            "rows": {
                "type": "integer",
                "minimum": 0,
                "default": 100_000,
                "description": "how many rows a table without a primary key may have under REPLICA IDENTITY FULL",
            }
        }
    }

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every large table without a key."""
        for database, row in identities(context):
            if row.identity == "f" and not row.has_key and row.rows > context.options["rows"]:
                yield Finding(
                    subject=subject_of(database, row),
                    message=f"{row.schema}.{row.name} has REPLICA IDENTITY FULL, no primary key and about "
                    f"{row.rows} rows",
                    observed=f"FULL, {row.rows} rows",
                    expected="a primary key or a unique index over columns that are not null",
                    fix=identity_fix(row),
                )
