"""What is read while an entry is made, and an order without circles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from dtsrun.api import Database, Entry, Section
from dtsrun.reading import calls_routines, tables_read, without_circles


def entry(number: int, kind: str, *needs: int) -> Entry:
    facts: dict[str, Any] = {"schema": "s", "owner": None, "sql": "", "drop_sql": "", "tablespace": None}
    return Entry(
        id=number,
        type=kind,
        name=f"{kind} {number}",
        catalog=1259,
        oid=number * 100,
        access_method=None,
        relkind=None,
        section=Section.PRE_DATA,
        depends_on=needs,
        kind="object.x",
        **facts,
    )


def database(*entries: Entry, bodies: Mapping[int, tuple[int, ...]] | None = None) -> Database:
    return Database(
        name="shop",
        target="shop",
        owner="o",
        encoding="UTF8",
        is_template=False,
        bytes=0,
        entries={e.id: e for e in entries},
        relations={},
        body_edges=bodies or {},
    )


PARENT = entry(1, "TABLE")
LOOKED_UP = entry(2, "TABLE")
FUNCTION = entry(3, "FUNCTION")
DOMAIN = entry(4, "DOMAIN", 3)
VIEW = entry(5, "VIEW", 1)


class TestTablesRead:
    @pytest.mark.parametrize("needs", [(3,), (4,), (1, 4)], ids=["function", "domain", "beside a parent"])
    def test_are_found_in_the_bodies_of_routines(self, needs: tuple[int, ...]) -> None:
        table = entry(9, "TABLE", *needs)
        shop = database(PARENT, LOOKED_UP, FUNCTION, DOMAIN, table, bodies={3: (2,)})
        assert tables_read(shop, table, through_routines_only=True) == {200}

    def test_are_found_behind_views_that_bodies_name(self) -> None:
        table = entry(9, "TABLE", 3)
        shop = database(PARENT, VIEW, FUNCTION, table, bodies={3: (5,)})
        assert tables_read(shop, table, through_routines_only=True) == {100}

    def test_of_a_view_are_those_that_it_stands_on_too(self) -> None:
        mine = entry(9, "MATERIALIZED VIEW", 5, 3)
        shop = database(PARENT, LOOKED_UP, FUNCTION, VIEW, mine, bodies={3: (2,)})
        assert tables_read(shop, mine) == {100, 200}

    def test_never_hold_the_entry_itself(self) -> None:
        table = entry(9, "TABLE", 3)
        assert tables_read(database(FUNCTION, table, bodies={3: (9,)}), table) == frozenset()

    def test_end_where_routines_call_each_other(self) -> None:
        table = entry(9, "TABLE", 3)
        other = entry(6, "FUNCTION", 3)
        shop = database(FUNCTION, other, LOOKED_UP, table, bodies={3: (6,), 6: (3, 2)})
        assert tables_read(shop, table, through_routines_only=True) == {200}


class TestCallsRoutines:
    def test_sees_them_through_types_and_views(self) -> None:
        mine = entry(9, "MATERIALIZED VIEW", 4)
        assert calls_routines(database(FUNCTION, DOMAIN, mine), mine)

    def test_does_not_look_into_what_holds_rows(self) -> None:
        table = entry(7, "TABLE", 3)
        mine = entry(9, "MATERIALIZED VIEW", 7)
        assert not calls_routines(database(FUNCTION, table, mine), mine)


class TestWithoutCircles:
    def test_keeps_what_has_none(self) -> None:
        assert without_circles({1: [2, 3], 2: [3]}) == {1: (2, 3), 2: (3,)}

    def test_drops_the_edge_that_closes_one(self) -> None:
        assert without_circles({1: [2], 2: [3], 3: [1]}) == {1: (2,), 2: (3,), 3: ()}

    def test_drops_an_edge_to_itself(self) -> None:
        assert without_circles({1: [1]}) == {1: ()}
