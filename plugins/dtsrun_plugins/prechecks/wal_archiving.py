"""The source gets its WAL archived."""

from __future__ import annotations

from collections.abc import Iterator

from dtsrun.api import CheckContext, Finding, Fix, MigrationType, Precheck, Severity
from dtsrun_plugins.prechecks._sessions import session


class WalArchiving(Precheck):
    """The source gets its WAL archived.

    What it does
    ------------
    Looks in `pg_stat_archiver` whether the last attempt of the source to archive a piece of WAL failed.

    Why it matters
    --------------
    WAL that cannot be archived stays on the disk, beside that which a slot keeps. The disk fills up, and the source
    stops.

    Spec
    ----
    `prechecks.policy.checks."precheck.wal_archiving"`; it has no options.

    Needs
    -----
    Nothing beyond a login. All versions.

    Example
    -------
        alarm  precheck.wal_archiving  the source cannot archive 00000001000000000000002A (12 attempts failed)
          fix: mend archive_command

    Limits
    ------
    An archive that is slow but works is not seen.
    """

    name = "precheck.wal_archiving"
    side = "source"
    severity = Severity.ALARM
    requires = ("precheck.connect",)
    types = frozenset({MigrationType.FULL_INCREMENTAL})

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield an archiver whose last attempt failed."""
        row = (
            session(context, "source")
            .execute(
                "select last_failed_wal as wal, failed_count as attempts, last_failed_time::text as at"
                "  from pg_catalog.pg_stat_archiver"
                " where last_failed_time > coalesce(last_archived_time, '-infinity')"
            )
            .fetchone()
        )
        if row:
            yield Finding(
                subject="source",
                message=f"the source cannot archive {row.wal} ({row.attempts} attempts failed)",
                observed=f"failed at {row.at}",
                expected="archived",
                fix=Fix(text="mend archive_command or the archive behind it; the server's log says why", side="source"),
                evidence=row._asdict(),
            )
