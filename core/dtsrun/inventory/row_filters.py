"""Which rows of the selected tables the spec takes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from dtsrun.api import DatabaseSelection, Relation
from dtsrun.errors import SpecError
from dtsrun.inventory.patterns import nearest


def choose_rows(chosen: DatabaseSelection, relations: Mapping[int, Relation]) -> dict[int, str | None]:
    """Return the row filters by OID of the selected relations that hold rows.

    A filter of a partitioned table goes for all its partitions; one of a partition's own goes before.

    Raises:
        SpecError: a key names nothing that is selected and holds rows.
    """
    if not chosen.rows:
        return {}
    named = {r.qualified: r for r in relations.values() if r.relkind in {"r", "p"}}
    partitions: defaultdict[int, list[Relation]] = defaultdict(list)
    for each in relations.values():
        for parent in each.parents if each.is_partition else ():
            partitions[parent].append(each)
    filters: dict[int, str | None] = {}
    for relation in sorted(_filtered(chosen, named), key=lambda r: _depth(r, relations)):
        for leaf in _leaves(relation, partitions):
            filters[leaf.oid] = chosen.rows[relation.qualified]
    return filters


def _filtered(chosen: DatabaseSelection, named: Mapping[str, Relation]) -> list[Relation]:
    unknown = [key for key in chosen.rows if key not in named]
    if unknown:
        close = nearest(unknown[0], named)
        raise SpecError(
            f"rows of {', '.join(unknown)} in database {chosen.name} are to be filtered, but no such table is selected",
            hint=f"did you mean {' or '.join(close)}?" if close else "name it as schema.table, and include it",
        )
    return [named[key] for key in chosen.rows]


def _depth(relation: Relation, relations: Mapping[int, Relation]) -> int:
    above = relations.get(relation.parents[0]) if relation.is_partition and relation.parents else None
    return 0 if above is None else 1 + _depth(above, relations)


def _leaves(relation: Relation, partitions: Mapping[int, Sequence[Relation]]) -> Iterator[Relation]:
    if relation.has_rows:
        yield relation
    for partition in partitions.get(relation.oid, ()):
        yield from _leaves(partition, partitions)
