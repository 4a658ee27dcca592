"""Nobody writes to the source while it is copied once."""

from __future__ import annotations

import time
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from dtsrun.api import CheckContext, Connection, Finding, Fix, MigrationType, Precheck, Severity

GLANCE_SECONDS: Final = 0.3
"""How long it is watched at least whether transactions get numbers, which only those that write do."""

LATELY: Final = "10 seconds"
"""Who did something within this time is at work."""


class SourceWriters(Precheck):
    """Nobody writes to the source while it is copied once.

    What it does
    ------------
    Looks first whether anybody is at work: a session of the chosen databases that did something in the last ten
    seconds, or a transaction number that was given out since the task opened the source, at least 0.3 seconds ago.
    Where nobody is, the check passes at once. Else it compares the counters of written rows of the chosen tables
    (`pg_stat_user_tables`) over `seconds`. Sessions that read, or are merely connected, are no finding.

    Why it matters
    --------------
    A full task moves one moment of the source. What is written afterwards stays behind, and nothing will say so but
    the difference at the end.

    Spec
    ----
    `prechecks.policy.checks."precheck.source_writers".options`: `seconds` (default 2), and `always` (default false):
    watch for all of them even where nobody seems to be at work.

    Needs
    -----
    Nothing beyond a login. All versions.

    Example
    -------
        alarm  precheck.source_writers  214 rows of shop.public.orders were written within 2 s
          fix: stop the applications first, or take type full_incremental

    Limits
    ------
    A writer who rests during these seconds is not seen, nor one that comes for a moment every now and then and stays
    connected for no longer; `always` with more `seconds` sees more. Sessions hand in their counts every second or so,
    and only between transactions.
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
            },
            "always": {
                "type": "boolean",
                "default": False,
                "description": "watch them even where nobody seems to be at work",
            },
        }
    }

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every table that was written to."""
        seconds = context.options["seconds"]
        before = _written(context)
        if not context.options["always"] and not _is_anybody_at_work(context, min(seconds, GLANCE_SECONDS)):
            return
        time.sleep(seconds)
        after = _written(context)
        for database, oid, count in _more(before, after):
            relation = context.inventory.databases[database].relations.get(oid)
            if relation is not None and relation.has_rows:
                subject = f"{database}.{relation.qualified}"
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


def _is_anybody_at_work(context: CheckContext, seconds: float) -> bool:
    """Tell whether there is reason to watch the counters; the glance began when the source was asked who it is."""
    if _has_lively_sessions(context):
        return True
    facts = context.facts("source")
    rest = facts.looked_at + seconds - time.monotonic()
    if rest > 0:
        time.sleep(rest)
    return _next_transaction(context) != facts.next_transaction


def _has_lively_sessions(context: CheckContext) -> bool:
    """Tell whether sessions of others did something lately; those that the account may not look into count as well."""
    row = (
        context.source()
        .execute(
            "select exists ("
            "  select from pg_catalog.pg_stat_activity a"
            "   where a.datname = any (%s) and a.pid <> pg_catalog.pg_backend_pid()"
            "     and a.application_name not like 'dtsrun%%' and coalesce(a.backend_type, '') in ('client backend', '')"
            "     and (a.state_change is null or a.state_change > pg_catalog.clock_timestamp() - %s::interval"
            "          or a.state = 'active' or a.backend_xid is not null)) as found",
            [list(context.inventory.databases), LATELY],
        )
        .fetchone()
    )
    return bool(row and row.found)


def _next_transaction(context: CheckContext) -> int:
    row = (
        context.source()
        .execute("select pg_catalog.txid_snapshot_xmax(pg_catalog.txid_current_snapshot()) as number")
        .fetchone()
    )
    assert row is not None  # a query without a table has one row
    return int(row.number)


@dataclass(frozen=True, slots=True)
class _Counters:
    """How many rows of each table of a database were written since its counters began, by rising OID: of a hundred
    thousand tables a megabyte."""

    oids: array[int]
    written: array[int]


def _written(context: CheckContext) -> dict[str, _Counters]:
    return {name: _counters(context.source(name)) for name in context.inventory.databases}


def _counters(connection: Connection) -> _Counters:
    oids, written = array("I"), array("q")
    rows = connection.cursor().stream(
        "select relid::bigint as oid, n_tup_ins + n_tup_upd + n_tup_del as written"
        "  from pg_catalog.pg_stat_user_tables order by relid"
    )
    for row in rows:
        oids.append(row.oid)
        written.append(row.written)
    return _Counters(oids, written)


def _more(before: Mapping[str, _Counters], after: Mapping[str, _Counters]) -> Iterator[tuple[str, int, int]]:
    """Yield the tables that were written to in between: database, OID, and how many rows."""
    for name, now in after.items():
        then = before[name]
        for oid, written in zip(now.oids, now.written, strict=True):
            at = bisect_left(then.oids, oid)
            earlier = then.written[at] if at < len(then.oids) and then.oids[at] == oid else 0
            if written > earlier:
                yield name, oid, written - earlier
