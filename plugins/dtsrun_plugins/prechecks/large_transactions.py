"""The transactions of the source fit in the memory for decoding."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dtsrun.api import CheckContext, Finding, Fix, MigrationType, Precheck, Severity, SkipCheck
from dtsrun_plugins.prechecks._sessions import session

GIB: Final = 1024**3


class LargeTransactions(Precheck):
    """The transactions of the source fit in the memory for decoding.

    What it does
    ------------
    Looks at what the logical slots of the source (version 14 and later) had to write to disk while they decoded,
    because transactions were larger than `logical_decoding_work_mem`.

    Why it matters
    --------------
    A transaction that does not fit is written to disk and read again by each stream, before the first of its rows
    leaves the source. The target lags behind by all that time, and the disk has to hold it.

    Spec
    ----
    `prechecks.policy.checks."precheck.large_transactions".options`: `spilled`, in bytes (default 1 GiB).

    Needs
    -----
    Nothing beyond a login. A source without logical slots has nothing to look at, and is skipped.

    Example
    -------
        alarm  precheck.large_transactions  slot shop wrote 214 of 9000 transactions (3.4 GiB) to disk while it decoded
          fix (source, reload): ALTER SYSTEM SET logical_decoding_work_mem = '256MB'

    Limits
    ------
    The counters go back to their last reset (`pg_stat_reset_replication_slot`).
    """

    name = "precheck.large_transactions"
    side = "source"
    severity = Severity.ALARM
    requires = ("precheck.connect",)
    types = frozenset({MigrationType.FULL_INCREMENTAL})
    options = {
        "properties": {
            "spilled": {
                "type": "integer",
                "minimum": 0,
                "default": GIB,
                "description": "bytes that a slot may have written to disk",
            }
        }
    }

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every slot that wrote much to disk, the most first."""
        if context.facts("source").major < 14:
            raise SkipCheck("the source keeps no statistics of decoding before version 14")
        rows = (
            session(context, "source")
            .execute(
                "select slot_name as name, spill_txns as spilled, total_txns as transactions, spill_bytes as bytes"
                "  from pg_catalog.pg_stat_replication_slots order by spill_bytes desc, slot_name"
            )
            .fetchall()
        )
        if not rows:
            raise SkipCheck("the source has no logical slots to learn from")
        for row in rows:
            if row.bytes > context.options["spilled"]:
                yield Finding(
                    subject=f"slot {row.name}",
                    message=f"slot {row.name} wrote {row.spilled} of {row.transactions} transactions"
                    f" ({row.bytes / GIB:.1f} GiB) to disk while it decoded",
                    observed=f"{row.bytes} bytes",
                    expected=f"{context.options['spilled']} bytes or less",
                    fix=Fix(
                        text="give decoding more memory, or keep such transactions away while the stream runs",
                        sql=(
                            "ALTER SYSTEM SET logical_decoding_work_mem = '256MB'",
                            "SELECT pg_catalog.pg_reload_conf()",
                        ),
                        side="source",
                        takes_effect="reload",
                    ),
                    evidence=row._asdict(),
                )
