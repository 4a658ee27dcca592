"""The source has a free WAL sender for each link."""

from __future__ import annotations

from collections.abc import Iterator

from dtsrun.api import CheckContext, Finding, Fix, MigrationType, Precheck
from dtsrun_plugins.prechecks._engine import links
from dtsrun_plugins.prechecks._sessions import session, setting


class WalSenders(Precheck):
    """The source has a free WAL sender for each link.

    What it does
    ------------
    Compares `max_wal_senders` of the source with those at work, and with one for each chosen database and one to
    spare, for tables that are copied anew.

    Why it matters
    --------------
    Each stream takes a WAL sender. Where they are all taken by standbys and backups, the stream is refused, and its
    slot keeps WAL meanwhile.

    Spec
    ----
    `prechecks.policy.checks."precheck.wal_senders"`; it has no options.

    Needs
    -----
    Nothing beyond a login. All versions; who they are shows to pg_read_all_stats only.

    Example
    -------
        failed  precheck.wal_senders  the source has 0 free WAL senders, and 4 are needed
          fix (source, restart): ALTER SYSTEM SET max_wal_senders = 14

    Limits
    ------
    A base backup takes one or two for as long as it runs; the count is of this moment.
    """

    name = "precheck.wal_senders"
    side = "source"
    requires = ("precheck.connect",)
    types = frozenset({MigrationType.FULL_INCREMENTAL})

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield too few free senders."""
        connection = session(context, "source")
        rows = connection.execute(
            "select application_name as name, client_addr::text as address, state from pg_catalog.pg_stat_replication"
        ).fetchall()
        most = int(setting(context, "source", "max_wal_senders"))
        needed = links(context) + 1
        if most - len(rows) < needed:
            yield Finding(
                subject="source",
                message=f"the source has {most - len(rows)} free WAL senders, and {needed} are needed",
                observed=f"{len(rows)} of {most} taken",
                expected=f"{needed} free",
                fix=Fix(
                    text="raise the limit",
                    sql=(f"ALTER SYSTEM SET max_wal_senders = {len(rows) + needed}",),
                    side="source",
                    takes_effect="restart",
                ),
                evidence={"senders": [row._asdict() for row in rows]},
            )
