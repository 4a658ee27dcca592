"""Foreign keys that are taken on the source's word: made while the referring table is empty, so that nothing is read.

PostgreSQL reads a referring table from end to end when a foreign key is added to it, and looks every row up; nothing
but an empty table spares that. So the key is made before the rows come, and they come with
`session_replication_role = replica`, under which the target does not look them up either.

What makes that sound: the source has found its key valid, both tables are whole, plain and ours alone, values that are
equal there are equal here, and the rows of both are of one snapshot. The last is only known while rows are copied (a
lost snapshot begins another one), so the step that copies looks at the marks of the referred table; where they are of
another snapshot, the target checks each row as it comes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from dtsrun.api import Database, Entry, MigrationType, PlanContext, Relation
from dtsrun.postdata import PG_CLASS, SMALL_BYTES
from dtsrun.reading import tables_read
from dtsrun.structure import owned_by

TRUSTED: Final = "trusted"

STABLE_TYPES: Final = frozenset({20, 21, 23, 1082, 1114, 1184, 2950})
"""OIDs of int8, int2, int4, date, timestamp, timestamptz, uuid: equality is the same on every server. That of text and
of what users define depends on collations, operator classes and libraries."""

_KEY = re.compile(r'FOREIGN KEY \(([^")]+)\) REFERENCES ([^"(]+)\(([^")]+)\)')
"""Names that need quotes are not matched: such a key is checked."""

_OTHERWISE = re.compile(r"\b(NOT VALID|NOT ENFORCED|PERIOD)\b")


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A foreign key that is made before the rows of its table."""

    entry: int
    """Id of its entry."""
    table: int
    """OID of the referring table."""
    referred: int
    """OID of the table that it refers to."""
    index: int
    """Id of the entry of the referred table's key."""


def trusted_keys(database: Database, context: PlanContext) -> Mapping[int, TrustedKey]:
    """Return the foreign keys of a database that are taken on trust, by the id of their entry.

    None are unless `stages.indexes.foreign_keys` says `trusted`, the task copies once, and its account on the target is
    a superuser. Keys that would let tables wait for each other are checked as well.
    """
    asked = context.spec.stages.get("indexes", {}).get("foreign_keys") == TRUSTED
    is_fit = context.spec.migration_type is MigrationType.FULL and context.target.is_superuser
    if not (asked and is_fit) or context.spec.on_conflict == "skip":
        return {}
    found: dict[int, TrustedKey] = {}
    for key in _candidates(database):
        if not _leads_to(key.referred, key.table, found):
            found[key.entry] = key
    return found


def _candidates(database: Database) -> Iterator[TrustedKey]:
    parents = {parent for relation in database.relations.values() for parent in relation.parents}
    reading = _reading(database)
    for entry in database.entries.values():
        key = _key(entry, database) if entry.type == "FK CONSTRAINT" else None
        if key is None:
            continue
        table, referred = database.relations[key.table], database.relations[key.referred]
        is_plain = all(_is_plain(each, parents) and each.oid not in reading for each in (table, referred))
        if is_plain and table.bytes > SMALL_BYTES and key.referred not in database.rows:
            yield key


def _reading(database: Database) -> set[int]:
    """Return OIDs of the tables whose filling waits for other tables, and of these: they have an order already."""
    found: set[int] = set()
    for entry in database.entries.values():
        if entry.type == "TABLE" and (read := tables_read(database, entry, through_routines_only=True)):
            found |= {entry.oid, *read}
    return found


def _key(entry: Entry, database: Database) -> TrustedKey | None:
    """Return a key as its entry describes it; None where that does not tell enough, or the key is not valid."""
    match = _KEY.search(entry.sql)
    if match is None or _OTHERWISE.search(entry.sql):
        return None
    owners = {database.entries[i].oid for i in owned_by(entry, database)} & set(database.relations)
    indexes = [e for i in entry.depends_on if (e := database.entries.get(i)) and e.type in ("CONSTRAINT", "INDEX")]
    if len(owners) != 1 or len(indexes) != 1:
        return None
    (oid,) = owners
    referred = {e.oid for i in indexes[0].depends_on if (e := database.entries.get(i)) and e.catalog == PG_CLASS}
    referred &= set(database.relations)
    if len(referred) != 1 or referred == owners:
        return None
    (other,) = referred
    is_stable = _is_stable(database.relations[oid], match[1]) and _is_stable(database.relations[other], match[3])
    return TrustedKey(entry.id, oid, other, indexes[0].id) if is_stable else None


def _is_stable(table: Relation, names: str) -> bool:
    types = {column.name: column.type_oid for column in table.columns}
    return all(types.get(name.strip()) in STABLE_TYPES for name in names.split(","))


def _is_plain(table: Relation, parents: set[int]) -> bool:
    is_alone = not table.parents and not table.is_partition and table.oid not in parents and table.extension is None
    return table.relkind == "r" and table.persistence == "p" and is_alone


def _leads_to(start: int, end: int, found: Mapping[int, TrustedKey]) -> bool:
    """Tell whether a table waits for another one, directly or through others."""
    seen, waiting = {start}, [start]
    while waiting:
        oid = waiting.pop()
        if oid == end:
            return True
        more = {key.referred for key in found.values() if key.table == oid} - seen
        seen |= more
        waiting.extend(more)
    return False
