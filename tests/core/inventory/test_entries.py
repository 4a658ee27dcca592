"""Promises of the stored entries: they are entries like others, and cost next to no memory."""

from __future__ import annotations

import pickle
import tracemalloc
from dataclasses import replace

import pytest

from dtsrun.api import Entry, Section
from dtsrun.inventory.entries import Common, Store, StoredEntries, facts_of
from dtsrun.texts import Texts

TABLE = Common("TABLE", "public", "owner", 1259, None, "heap", "r", Section.PRE_DATA, "object.tables")
KEY = Common("CONSTRAINT", "public", "owner", 2606, "fast", None, None, Section.POST_DATA, "object.constraints")

MOST_BYTES = 120
"""Of memory an entry, where an `Entry` with its definition takes some 700."""


@pytest.fixture
def entries() -> StoredEntries:
    store = Store(Texts())
    store.add(3, 0, "", KEY._replace(type="DATABASE", schema=None), (), ("", ""))
    store.add(9, 17001, "größer", TABLE, (3, 4), ("create table größer ();\n", "drop table größer;\n"))
    store.add(7, 4294967295, "größer pkey", KEY, (9,), ("alter table x\0y", ""))
    store.forget_unknown_needs()
    return StoredEntries(store)


def plain(number: int) -> Entry:
    return [
        Entry(
            id=9, type="TABLE", schema="public", name="größer", owner="owner", sql="create table größer ();\n",
            drop_sql="drop table größer;\n", catalog=1259, oid=17001, tablespace=None, access_method="heap",
            relkind="r", section=Section.PRE_DATA, depends_on=(3,), kind="object.tables",
        ),
        Entry(
            id=7, type="CONSTRAINT", schema="public", name="größer pkey", owner="owner", sql="alter table x\0y",
            drop_sql="", catalog=2606, oid=4294967295, tablespace="fast", access_method=None,
            relkind=None, section=Section.POST_DATA, depends_on=(9,), kind="object.constraints",
        ),
    ][number]  # fmt: skip


def test_every_fact_comes_back(entries):
    assert [facts_of(entry) for entry in entries[1:]] == [facts_of(plain(0)), facts_of(plain(1))]
    assert entries[1].label == "TABLE public.größer"


def test_they_are_entries_to_all_that_deals_with_entries(entries):
    table, key = entries[1], entries[2]
    assert (isinstance(table, Entry), table == plain(0), plain(0) == table, table == key) == (True, True, True, False)
    assert hash(table) == hash(plain(0))
    assert {table, entries[1], plain(0)} == {table}
    assert replace(table, name="other") == replace(plain(0), name="other")
    assert pickle.loads(pickle.dumps(table)) == plain(0)
    assert [key, table].index(entries[1]) == 1


def test_they_are_found_by_id_in_the_dumps_order(entries):
    found = entries.by_id()
    assert (list(found), [entry.id for entry in found.values()], len(found)) == ([3, 9, 7], [3, 9, 7], 3)
    assert found[7] == plain(1)
    assert [number in found for number in (3, 4, 7, 9, 10, -1)] == [True, False, True, True, False, False]
    assert found.get(4) is None
    with pytest.raises(KeyError):
        found[10]


def test_some_of_them_are_like_all_of_them(entries):
    some = entries.only(lambda entry: entry.type != "TABLE")
    found = some.by_id()
    assert (list(found), len(some), 9 in found, found.get(9)) == ([3, 7], 2, False, None)
    assert [entry.id for entry in found.values()] == [3, 7]
    assert some[-1] == plain(1)
    assert [entry.id for entry in reversed(found.values())] == [7, 3]


def test_one_that_was_changed_stands_in_its_place(entries):
    changed = entries.changing({1: replace(entries[1], depends_on=())})
    assert [entry.depends_on for entry in changed] == [(), (), (9,)]
    assert changed.by_id()[9].depends_on == ()
    assert entries.by_id()[9].depends_on == (3,)


def test_they_cost_next_to_no_memory():
    tracemalloc.start()
    try:
        store = Store(Texts())
        before = tracemalloc.get_traced_memory()[0]
        for number in range(1, 5001):
            store.add(
                number, 16384 + number, f"table_{number}", TABLE, (1, 2), (f"create table table_{number} (" * 20, "")
            )
        store.forget_unknown_needs()
        found = StoredEntries(store).by_id()
        assert found[5000].name == "table_5000"
        assert (tracemalloc.get_traced_memory()[0] - before) / 5000 < MOST_BYTES
    finally:
        tracemalloc.stop()
