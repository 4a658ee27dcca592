"""Which entry of a dump an entry belongs to: an index to its table, a comment to what it is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dtsrun.api import Entry
from dtsrun.inventory.entries import StoredEntries
from dtsrun.inventory.facts import object_number

SUBORDINATE_TYPES: Final = frozenset(
    {
        "ACL",
        "CHECK CONSTRAINT",
        "COMMENT",
        "CONSTRAINT",
        "DATABASE PROPERTIES",
        "DEFAULT",
        "DEFAULT ACL",
        "FK CONSTRAINT",
        "INDEX",
        "INDEX ATTACH",
        "POLICY",
        "PUBLICATION TABLE",
        "PUBLICATION TABLES IN SCHEMA",
        "ROW SECURITY",
        "RULE",
        "SECURITY LABEL",
        "SEQUENCE OWNED BY",
        "STATISTICS",
        "SUBSCRIPTION TABLE",
        "TABLE ATTACH",
        "TRIGGER",
        "USER MAPPING",
    }
)
"""What is never an object of its own. Tables and sequences may belong to another one and yet be selected by name."""


def find_parents(entries: StoredEntries, belongings: Mapping[int, int]) -> Mapping[int, int]:
    """Return the entry that each subordinate entry belongs to, by ids.

    Args:
        belongings: what `read_belongings` found.
    """
    by_object = {object_number(e.catalog, e.oid): e.id for e in entries if e.oid and e.catalog}
    by_id = entries.by_id()
    servers = {e.name: e.id for e in entries if e.type == "SERVER"}
    parents: dict[int, int] = {}
    for each in entries:
        owner = by_object.get(belongings.get(object_number(each.catalog, each.oid), 0))
        if owner is None and each.type in SUBORDINATE_TYPES:
            owner = _named_parent(each, by_id, servers)
        if owner is not None and owner != each.id:
            parents[each.id] = owner
    return parents


def _named_parent(entry: Entry, by_id: Mapping[int, Entry], servers: Mapping[str, int]) -> int | None:
    if entry.type == "DEFAULT ACL":
        # Of all that will be made in a schema, hence only where the whole schema is selected.
        return None
    if entry.type == "USER MAPPING":
        return next((i for name, i in servers.items() if entry.name.endswith(f" SERVER {name}")), None)
    needed = [by_id[i] for i in entry.depends_on if by_id[i].type != "ACL"]
    if entry.type in {"INDEX ATTACH", "TABLE ATTACH"}:
        return next((e.id for e in needed if _is_attached(e, entry)), None)
    return needed[0].id if needed else None


def _is_attached(part: Entry, attach: Entry) -> bool:
    """Whether `attach` puts `part` under its parent; an index of a constraint is listed as `table constraint`."""
    same_name = part.name == attach.name or (part.type == "CONSTRAINT" and part.name.endswith(f" {attach.name}"))
    return same_name and part.schema == attach.schema
