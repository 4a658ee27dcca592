"""What functions name, of those that run while rows are written or indexes are built."""

from __future__ import annotations

from typing import Final

from dtsrun.api import Database, Entry

ROUTINES: Final = 1255
"""OID of the catalog pg_proc, which never changes."""


def named_by(database: Database, function: int) -> list[Entry]:
    """Return what the body of a function, by its OID, names and pg_dump does not know of."""
    ids = [e.id for e in database.entries.values() if e.catalog == ROUTINES and e.oid == function]
    return [
        database.entries[found] for i in ids for found in database.body_edges.get(i, ()) if found in database.entries
    ]
