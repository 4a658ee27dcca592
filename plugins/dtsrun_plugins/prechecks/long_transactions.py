"""No transaction on the source has been open for long."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files

from dtsrun.api import CheckContext, Finding, Fix, MigrationType, Precheck, Severity
from dtsrun_plugins.prechecks._sessions import must_see_all, session


class LongTransactions(Precheck):
    """No transaction on the source has been open for long.

    What it does
    ------------
    Looks at the sessions of all databases of the source for transactions that write and are open for longer than
    `writing`, and for any that are open for longer than `open`, idle ones too.

    Why it matters
    --------------
    The start of a stream waits for every transaction that writes, in any database, and an old one of any kind keeps
    dead rows from being cleaned up.

    Spec
    ----
    `prechecks.policy.checks."precheck.long_transactions".options`: `writing` and `open`, in seconds (default 60 and
    600).

    Needs
    -----
    pg_read_all_stats on the source; without it the check cannot know.

    Example
    -------
        alarm  precheck.long_transactions  session 4242 of app in database shop has been in a transaction for 1380 s
          fix (source): SELECT pg_catalog.pg_terminate_backend(4242)

    Limits
    ------
    One that begins after the check is not foreseen.
    """

    name = "precheck.long_transactions"
    side = "source"
    severity = Severity.ALARM
    requires = ("precheck.connect",)
    types = frozenset({MigrationType.FULL_INCREMENTAL})
    options = {
        "properties": {
            "writing": {
                "type": "number",
                "minimum": 0,
                "default": 60,
                "description": "seconds after which a transaction that writes counts as long",
            },
            "open": {
                "type": "number",
                "minimum": 0,
                "default": 600,
                "description": "seconds after which any transaction counts as long",
            },
        }
    }

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every session with a long transaction, the oldest first."""
        connection = session(context, "source")
        must_see_all(connection)
        query = files(__package__).joinpath("long_transactions.sql").read_text()
        for row in connection.execute(query.encode(), dict(context.options)).fetchall():
            yield Finding(
                subject=f"database {row.database}",
                message=f"session {row.pid} of {row.account} in database {row.database}"
                f" has been in a transaction for {row.seconds} s, {row.state}",
                observed=f"open for {row.seconds} s, {'writing' if row.writes else 'reading'}",
                expected="ended",
                fix=Fix(
                    text="let it end, or end the session",
                    sql=(f"SELECT pg_catalog.pg_terminate_backend({row.pid})",),
                    side="source",
                ),
                evidence=row._asdict(),
            )
