"""What a task may take of both servers, decided: what the spec says, and what dtsrun chooses where it says nothing.

Every choice comes with its reason, in one sentence for people.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from dtsrun.api import Inventory, Resources, ServerFacts

MOST_PARALLEL: Final = 8
"""What `auto` goes up to: beyond, a copy rarely gains and the source always feels it."""

SPLIT_FROM: Final = 4
"""Copies at once from which on `auto` cuts tables. Parts of a table cannot be frozen as they come. On two cores, two
parts of a table of ten million narrow rows took half as long again as the whole of it in one frozen stream, and its
indexes too (5.6 against 3.7 s, 5.1 against 3.4 s); two parts of wide rows were no faster than the whole. From where on
parts win is a judgement."""

LEAST_SPLIT: Final = 2**30
"""Bytes below which `auto` leaves a table whole: it is copied in a minute."""

MEMORY_SHARE: Final = 8
"""The part of the target's memory that all index builds have together: the rest is for pages and for others."""

MOST_INDEX_MEMORY: Final = 2 * 2**30
"""Bytes for one index: a judgement; a sort that does not fit is merged in one pass."""

PARALLEL_SINCE: Final = 11
"""The version from which on a server builds an index with several workers."""

MB: Final = 2**20


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the servers and of what is to be moved; None where it is not (yet)."""

    source: ServerFacts | None = None
    target: ServerFacts | None = None
    inventory: Inventory | None = None

    @property
    def cores(self) -> int | None:
        """Of the server that has fewer."""
        known = [facts.cores for facts in (self.source, self.target) if facts and facts.cores]
        return min(known, default=None)

    @property
    def table_bytes(self) -> int:
        """Of all tables that are moved."""
        databases = self.inventory.databases.values() if self.inventory else ()
        return sum(relation.bytes for each in databases for relation in each.relations.values())


def decide_resources(wanted: Resources, ends: Known | None = None) -> tuple[Resources, str]:
    """Return the resources with every number decided, and a sentence on what was chosen and why."""
    ends = ends or Known()
    cores = ends.cores or os.cpu_count() or 2
    auto = max(2, min(MOST_PARALLEL, cores))
    decided = replace(wanted, copy=wanted.copy or auto, index=wanted.index or auto)
    decided = replace(
        decided,
        split_tables_larger_than=wanted.split_tables_larger_than or _split(decided, ends),
        index_memory=wanted.index_memory or _index_memory(decided, ends),
        index_workers=_index_workers(decided, ends),
    )
    return decided, "; ".join(_sentences(wanted, decided, ends))


def _split(decided: Resources, ends: Known) -> int | None:
    """Return the size from which on a table would keep one stream busy when all others are done."""
    if (decided.copy or 0) < SPLIT_FROM:
        return None
    return max(LEAST_SPLIT, ends.table_bytes // (decided.copy or 1))


def _index_memory(decided: Resources, ends: Known) -> int | None:
    """Return the bytes for all builds together; None leaves the server's own setting."""
    if ends.target is None:
        return None
    own = int(ends.target.settings.get("maintenance_work_mem", 0)) * 1024
    buffers = int(ends.target.settings.get("shared_buffers", 0)) * int(ends.target.settings.get("block_size", 8192))
    room = ends.target.memory // MEMORY_SHARE if ends.target.memory else buffers // 2
    index = decided.index or 1
    return min(max(own * index, room), MOST_INDEX_MEMORY * index)


def _index_workers(decided: Resources, ends: Known) -> int | None:
    """Return the workers beside the one that builds an index; None leaves the server's own setting."""
    if ends.target is None or ends.target.cores is None or ends.target.major < PARALLEL_SINCE:
        return None
    return max(0, min(ends.target.cores // (decided.index or 1) - 1, MOST_PARALLEL))


def _sentences(wanted: Resources, decided: Resources, ends: Known) -> Iterator[str]:
    is_said = wanted.copy is not None and wanted.index is not None
    why = "as the spec says" if is_said else f"auto: {_cores(ends)}"
    yield f"{decided.copy} tables and {decided.index} indexes at once ({why})"
    yield _on_splitting(wanted, decided, ends)
    if decided.index_memory:
        each = decided.index_memory // (decided.index or 1) // MB
        why = "as the spec says" if wanted.index_memory else f"auto: {_memory(ends)}"
        yield f"each index is built in {each} MB of memory ({why}){_helpers(decided.index_workers)}"
    if decided.rate_limit:
        yield f"at most {decided.rate_limit / MB:.4g} MB/s over all copies"
    if decided.throttle:
        yield f"copies give way to {', '.join(decided.throttle.signals)}"


def _cores(ends: Known) -> str:
    known = [
        f"the {side} has {facts.cores} cores"
        for side, facts in (("source", ends.source), ("target", ends.target))
        if facts and facts.cores
    ]
    return ", ".join(known) or f"this machine has {os.cpu_count() or 2} cores, those of the servers are not known"


def _on_splitting(wanted: Resources, decided: Resources, ends: Known) -> str:
    if decided.split_tables_larger_than is None:
        return f"no table is cut into parts (auto: that pays from {SPLIT_FROM} copies at once on)"
    why = "as the spec says" if wanted.split_tables_larger_than else "auto: above the share of one copy"
    if ends.source is not None and ends.source.major < 14:
        return f"no table is cut into parts (version {ends.source.major} of the source would read all for each)"
    return f"tables above {decided.split_tables_larger_than // MB} MB are cut into parts ({why})"


def _memory(ends: Known) -> str:
    knows = ends.target is not None and ends.target.memory is not None
    of_what = "an eighth of the target's memory" if knows else "half the target's shared_buffers"
    return f"its share of {of_what}"


def _helpers(workers: int | None) -> str:
    return f", with {workers} {'worker' if workers == 1 else 'workers'} beside it" if workers else ""
