"""No other tool has its triggers in the source."""

from __future__ import annotations

from collections.abc import Iterator

from dtsrun.api import CheckContext, Finding, Fix, Precheck, Severity
from dtsrun_plugins.prechecks._catalog import catalog_rows


class OtherTools(Precheck):
    """No other tool has its triggers in the source.

    What it does
    ------------
    Looks for event triggers, schemas and triggers by whose names AWS DMS, Bucardo, Londiste, pglogical, Slony and
    SymmetricDS are known.

    Why it matters
    --------------
    They move like everything else and go on working on the target: queues that nobody empties fill the disk, DDL is
    intercepted, rows are sent to servers that the old database fed.

    Spec
    ----
    `prechecks.policy.checks."precheck.other_tools"`; it has no options.

    Needs
    -----
    Nothing beyond a login. All versions.

    Example
    -------
        alarm  precheck.other_tools  shop.awsdms_intercept_ddl: event trigger awsdms_intercept_ddl belongs to AWS DMS

    Limits
    ------
    Names are all that is known of them; a tool may be in use on purpose.
    """

    name = "precheck.other_tools"
    side = "source"
    severity = Severity.ALARM
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield everything that looks like another tool's."""
        for database, row in catalog_rows(context, "other_tools.sql"):
            place = f" of {row.schema}" if row.schema else ""
            yield Finding(
                subject=f"{database.name}.{row.schema}.{row.name}" if row.schema else f"{database.name}.{row.name}",
                message=f"{row.kind} {row.name}{place} belongs to {row.tool}",
                observed=row.tool,
                expected="no other tool",
                fix=Fix(text=f"let {row.tool} remove what it made, or exclude it", side="source"),
            )
