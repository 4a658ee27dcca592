"""Promises of the stored relations: they are relations like others, and cost next to no memory."""

from __future__ import annotations

import pickle
import tracemalloc
from dataclasses import replace

import pytest

from dtsrun.api import Column, Relation
from dtsrun.inventory.relations import Store, StoredRelations

COLUMN = Column(name="id", type="integer", type_oid=23, not_null=True, generated="", identity="")

MOST_BYTES = 90
"""Of memory a relation, where a `Relation` takes some 380."""


def plain(oid: int, name: str = "größer", **more) -> Relation:
    usual = {"schema": "public", "relkind": "r", "persistence": "p", "owner": "me", "bytes": 8192 * oid, "pages": oid}
    shape = {"estimated_rows": oid / 2, "columns": (COLUMN,), "key": ("id",)}
    return Relation(oid=oid, name=name, **{**usual, **shape, **more})


GIVEN = [
    plain(16385),
    plain(16390, "", relkind="p", columns=(), key=()),
    plain(
        4294967295, "a.b", parents=(16390, 1), is_partition=True, row_security=True, populated=False, extension="x",
        extension_condition="where a > 1",
    ),
]  # fmt: skip


@pytest.fixture
def relations() -> StoredRelations:
    store = Store()
    for relation in GIVEN:
        store.add(relation)
    return StoredRelations(store)


def test_every_fact_comes_back(relations):
    assert list(relations.values()) == GIVEN
    assert list(relations.values()) == GIVEN
    assert [repr(relation).partition("(")[2] for relation in relations.values()] == [
        repr(relation).partition("(")[2] for relation in GIVEN
    ]
    assert [relation.has_rows for relation in relations.values()] == [True, False, True]


def test_they_are_relations_to_all_that_deals_with_relations(relations):
    found = relations[16385]
    assert (isinstance(found, Relation), hash(found) == hash(GIVEN[0]), found == relations[16390]) == (
        True,
        True,
        False,
    )
    assert replace(found, bytes=0) == replace(GIVEN[0], bytes=0)
    assert pickle.loads(pickle.dumps(found)) == GIVEN[0]


def test_they_are_found_by_their_oids(relations):
    assert (list(relations), len(relations)) == ([16385, 16390, 4294967295], 3)
    assert [oid in relations for oid in (1, 16385, 16386, 16390, 4294967295, "x")] == [
        False,
        True,
        False,
        True,
        True,
        False,
    ]
    assert (relations.get(16386), relations.get(16390)) == (None, GIVEN[1])
    assert relations == {relation.oid: relation for relation in GIVEN}
    with pytest.raises(KeyError):
        relations[16386]


def test_some_of_them_are_like_all_of_them(relations):
    some = relations.only(lambda relation: relation.oid != 16385)
    assert (list(some), 16385 in some, some[16390]) == ([16390, 4294967295], False, GIVEN[1])
    assert list(some.only(lambda relation: relation.is_partition).values()) == GIVEN[2:]
    assert relations.only(lambda relation: True) is relations


def test_they_cost_next_to_no_memory():
    tracemalloc.start()
    try:
        store = Store()
        before = tracemalloc.get_traced_memory()[0]
        for number in range(20_000):
            store.add(plain(16385 + number, f"table_{number}", columns=(COLUMN, replace(COLUMN, name="b"))))
        assert StoredRelations(store)[16384 + 20_000].name == "table_19999"
        assert (tracemalloc.get_traced_memory()[0] - before) / 20_000 < MOST_BYTES
    finally:
        tracemalloc.stop()
