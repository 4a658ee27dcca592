"""How much the spec selects, by the catalog alone: what a first estimate of the copy's time needs, without a dump."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dtsrun.api import Connection, DatabaseSelection, Pattern, Relation, Selection
from dtsrun.inventory.facts import read_databases, read_relations
from dtsrun.inventory.patterns import matches
from dtsrun.inventory.read import choose_databases

Connect = Callable[[str | None], Connection]


def selected_bytes(selection: Selection, connect: Connect) -> int:
    """Return the size of the tables that are selected: heap and TOAST, without indexes and large objects.

    A table whose rows are filtered counts in full, so that the truth may be less.

    Args:
        connect: opens a connection to a database of the source, None for the maintenance database.

    Raises:
        SpecError: a chosen database does not exist or cannot be connected to.
    """
    with connect(None) as connection:
        chosen, _ = choose_databases(selection, {known.name: known for known in read_databases(connection)})
    return sum(_bytes_of(each, connect) for each in chosen)


def _bytes_of(chosen: DatabaseSelection, connect: Connect) -> int:
    with connect(chosen.name) as connection:
        relations = read_relations(connection)
    return sum(relation.bytes for relation in relations.values() if _is_selected(relation, chosen, relations))


def _is_selected(relation: Relation, chosen: DatabaseSelection, relations: Mapping[int, Relation]) -> bool:
    lineage = list(_lineage(relation, relations))
    if not relation.has_rows or any(chosen.rows.get(each.qualified, "") is None for each in lineage):
        return False
    included = not chosen.include or _is_named(lineage, chosen.include)
    return included and not _is_named(lineage, chosen.exclude)


def _lineage(relation: Relation, relations: Mapping[int, Relation]) -> list[Relation]:
    """Return a relation with the partitioned tables that it is a part of: what is said of them goes for it."""
    found = [relation]
    while found[-1].is_partition and found[-1].parents and found[-1].parents[0] in relations:
        found.append(relations[found[-1].parents[0]])
    return found


def _is_named(lineage: list[Relation], patterns: tuple[Pattern, ...]) -> bool:
    return any(
        matches(pattern.text, each.schema if pattern.selector == "schema" else each.qualified)
        for pattern in patterns
        if pattern.selector in {"schema", "table"}
        for each in lineage
    )
