"""A whole database arrives, or what was chosen of it; twice is once; what changes afterwards is found."""

from __future__ import annotations

import json
from typing import Any

import pytest
from runs import Bench

CHOSEN: dict[str, Any] = {
    "databases": {
        "shop": {
            "target": "Shop of Europe",
            "include": [{"schema": "stock"}, {"schema": "sales"}],
            "exclude": [{"table": "stock.shelf_?"}, {"table": "stock.empty_*"}],
            "rows": {
                "sales.purchase_2025": "placed_on >= date '2025-07-01' and state <> 'returned'",
                "sales.audit": "none",
            },
        }
    },
    "roles": ["small_*"],
}


@pytest.fixture
def shop(bench: Bench) -> Bench:
    """The small shop on the source, and a neighbour that only a whole instance takes along."""
    bench.seed("small_shop.sql")
    bench.on_source(None, "create role stranger login")
    return bench


def test_an_instance_arrives_without_any_difference_and_once(shop: Bench) -> None:
    spec = shop.spec()
    shop.on_source(None, "create database \"second 'one'\"")
    shop.on_source("second 'one'", "create table public.t as select n from generate_series(1, 9) as n")

    first = shop.run(spec)
    assert first.code == 0, first.said
    assert shop.differences() == []
    assert shop.leftovers() == {}

    started = shop.task().started_at
    second = shop.run(spec)
    assert second.code == 0
    assert "nothing is left to do" in second.out
    assert shop.task().started_at == started


def test_chosen_objects_arrive_under_another_name_and_nothing_else_does(shop: Bench) -> None:
    done = shop.run(shop.spec(migration={"objects": CHOSEN}))

    assert done.code == 0, done.said
    assert shop.databases() == {"postgres", "Shop of Europe"}
    # The comparer knows nothing of choices: on a source that holds just what was chosen, it must find both ends equal.
    shop.on_source(
        "shop",
        "delete from sales.purchase_2025 where not (placed_on >= date '2025-07-01' and state <> 'returned');"
        " drop rule keep on sales.audit; truncate sales.audit; create rule keep as on delete to sales.audit"
        " do instead nothing; drop table stock.shelf_0, stock.shelf_1, stock.shelf_2, stock.shelf_3,"
        " stock.empty_shelf; select lo_unlink(oid) from pg_largeobject_metadata; ",
    )
    assert shop.differences(databases=["shop"], rename={"shop": "Shop of Europe"}) == []
    roles = shop.on_target(None, "select rolname from pg_roles where oid > 16383 order by 1")
    assert [row.rolname for row in roles] == ["small_app", "small_owner", "small_report"]


def test_a_structure_arrives_alone(shop: Bench) -> None:
    done = shop.run(shop.spec(migration={"type": "structural"}))

    assert done.code == 0, done.said
    assert shop.on_target("shop", "select (select count(*) from sales.purchase) as rows")[0].rows == 0
    found = [line for line in shop.differences() if "rows of" not in line]
    of_data = ("large object", "sequence", "relispopulated")
    assert [line for line in found if not any(word in line for word in of_data)] == []


def test_verification_names_table_and_key_of_what_changed_afterwards(shop: Bench) -> None:
    spec = shop.spec()
    assert shop.run(spec).code == 0
    assert shop.run("verify", spec).code == 0

    shop.on_target("shop", "update stock.product set price = price + 1 where id = 4")
    shop.on_target("shop", "delete from stock.movement where id = 17")
    by_spec, by_task = shop.run("verify", spec), shop.run("verify", "move")

    assert (by_spec.code, by_task.code) == (7, 7)
    for said in (by_spec.said, by_task.said):
        assert "stock.product" in said
        assert "(id)=(4)" in said
        assert "stock.movement" in said
        assert "(17," in said
    assert shop.leftovers() == {}


def test_private_servers_need_nothing_but_the_spec(bench: Bench) -> None:
    bench.write("seed.sql", "create table t (id int primary key); insert into t select generate_series(1, 100);")
    ends = {
        "source": {"access": {"type": "embedded", "version": 16, "seed": {"small": "seed.sql"}}},
        "target": {"access": {"type": "embedded", "version": 18}},
    }
    spec = bench.spec("private", **ends)

    first, second = bench.run(spec), bench.run(spec)

    assert (first.code, second.code) == (0, 0), first.said + second.said
    assert "nothing is left to do" in second.out
    # The record of a verification can go without the servers that it looked at.
    assert bench.run("verify", spec).code == 0
    assert bench.run("delete", "private.verify").code == 0
    assert bench.run("verify", spec).code == 0
    # That of the task takes it along.
    assert bench.run("delete", "private").code == 0
    assert json.loads(bench.run("list", "--json").out or "[]") == []
    assert list((bench.home / "tasks").iterdir()) == []
    assert not list((bench.home / "servers").glob("*/data"))
