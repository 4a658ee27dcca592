"""The source is patient with a slow reader of its WAL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dtsrun.api import CheckContext, Finding, Fix, MigrationType, Precheck, Severity
from dtsrun_plugins.prechecks._sessions import setting

LEAST: Final = 30_000
"""Milliseconds."""


class WalSenderTimeout(Precheck):
    """The source is patient with a slow reader of its WAL.

    What it does
    ------------
    Reads `wal_sender_timeout` of the source; 0 (never) passes, as does half a minute or more.

    Why it matters
    --------------
    A target that is busy with one large transaction answers late. The source then ends the stream, which begins
    that transaction again, and again.

    Spec
    ----
    `prechecks.policy.checks."precheck.wal_sender_timeout"`; it has no options.

    Needs
    -----
    Nothing beyond a login. All versions.

    Example
    -------
        alarm  precheck.wal_sender_timeout  the source ends a stream after 5 s without an answer
          fix (source, reload): ALTER SYSTEM SET wal_sender_timeout = '60s'

    Limits
    ------
    An account can have a value of its own (from version 12 on); that of the account in use counts.
    """

    name = "precheck.wal_sender_timeout"
    side = "source"
    severity = Severity.ALARM
    requires = ("precheck.connect",)
    types = frozenset({MigrationType.FULL_INCREMENTAL})

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield too short a timeout."""
        timeout = int(setting(context, "source", "wal_sender_timeout"))
        if 0 < timeout < LEAST:
            yield Finding(
                subject="source",
                message=f"the source ends a stream after {timeout / 1000:g} s without an answer",
                observed=f"{timeout} ms",
                expected=f"{LEAST} ms or more, or 0",
                fix=Fix(
                    text="raise it",
                    sql=("ALTER SYSTEM SET wal_sender_timeout = '60s'", "SELECT pg_catalog.pg_reload_conf()"),
                    side="source",
                    takes_effect="reload",
                ),
            )
