"""Rows are equal on both ends, or the differing ones are named."""

from __future__ import annotations

import time

import pytest

ORDERS = "create table orders (id bigint primary key, customer text, total numeric(12, 2), note text)"
FILL = (
    "insert into orders select n, 'customer ' || n % 100, n * 1.37, case when n % 7 = 0 then 'note ' || n end"
    "  from generate_series(1, 2000) n"
)


@pytest.fixture
def orders(pair):
    pair.on_both(ORDERS, FILL)
    return pair


def one(differences):
    assert len(differences) == 1, differences
    return differences[0]


def test_equal_tables_have_no_difference(orders):
    result = orders.compare("orders")

    assert result.differences == ()
    assert result.rows == orders.progressed == 2000


def test_the_order_of_rows_does_not_matter(pair):
    pair.on_both(ORDERS)
    pair.source.execute("insert into orders (id) select generate_series(1, 500)")
    pair.target.execute("insert into orders (id) select generate_series(500, 1, -1)")

    assert pair.differences("orders") == ()


def test_a_changed_value_is_named_with_its_key_and_both_values(orders):
    orders.target.execute("update orders set total = total + 0.01 where id = 42")

    found = one(orders.differences("orders"))

    assert (found.object, found.aspect, found.key) == ("TABLE public.orders", "row", "(id)=(42)")
    assert (found.source, found.target) == ("total='57.54'", "total='57.55'")
    assert found.database == "shop"


def test_only_the_columns_that_differ_are_shown(orders):
    orders.target.execute("update orders set customer = 'x', note = 'y' where id = 1")

    found = one(orders.differences("orders"))

    assert (found.source, found.target) == ("customer='customer 1', note=null", "customer='x', note='y'")


def test_null_is_not_the_empty_text(orders):
    orders.target.execute("update orders set note = '' where id = 1")

    found = one(orders.differences("orders"))

    assert (found.source, found.target) == ("note=null", "note=''")


def test_a_missing_row_is_named(orders):
    orders.target.execute("delete from orders where id = 1999")

    count, row = orders.differences("orders")

    assert (count.aspect, count.source, count.target) == ("row count", "2000", "1999")
    assert (row.aspect, row.key, row.target) == ("row missing", "(id)=(1999)", "(no row)")
    assert row.source == "id='1999', customer='customer 99', total='2738.63', note=null"


def test_an_extra_row_is_named(orders):
    orders.target.execute("insert into orders values (2001, 'ghost')")

    count, row = orders.differences("orders")

    assert (count.source, count.target) == ("2000", "2001")
    assert (row.aspect, row.key, row.source) == ("row extra", "(id)=(2001)", "(no row)")


def test_a_value_moved_to_the_neighbouring_column_is_found(pair):
    pair.on_both("create table t (id int primary key, a text, b text)")
    pair.source.execute("insert into t values (1, 'x,y', ''), (2, 'a', null)")
    pair.target.execute("insert into t values (1, 'x', 'y'), (2, null, 'a')")

    assert [d.key for d in pair.differences("t")] == ["(id)=(1)", "(id)=(2)"]


def test_many_differing_rows_are_counted_and_the_first_listed(orders):
    orders.target.execute("update orders set note = 'spoiled' where id <= 50")

    *listed, summary = orders.differences("orders", max_rows_listed=5)

    assert [d.key for d in listed] == [f"(id)=({n})" for n in range(1, 6)]
    assert (summary.aspect, summary.source) == ("rows", "50 rows without an equal on the target")
    assert summary.target == "50 rows without an equal on the source"


def test_looking_for_differing_rows_is_bounded(pair, monkeypatch):
    monkeypatch.setattr("dtsrun.compare.listing.MOST_DIFFERING", 100)
    pair.on_both(ORDERS, FILL)
    pair.target.execute("update orders set note = 'spoiled'")

    *listed, summary = pair.differences("orders")

    assert {d.aspect for d in listed} == {"row"}
    assert len(listed) == 20
    assert summary.source.startswith("at least ")


def test_a_row_whose_counterpart_was_not_looked_at_is_not_called_missing(pair, monkeypatch):
    monkeypatch.setattr("dtsrun.compare.listing.MOST_SUSPECTS", 1)
    pair.on_both(ORDERS, FILL)
    pair.target.execute("update orders set note = 'spoiled' where id = 7")

    row, summary = pair.differences("orders")

    assert (row.aspect, row.key) == ("row", "(id)=(7)")
    assert summary.source.startswith("at least ") or summary.target.startswith("at least ")


def test_long_values_that_differ_at_the_end_are_told_apart_by_their_md5(pair):
    pair.on_both("create table t (id int primary key, body text)")
    pair.source.execute("insert into t values (1, repeat('x', 10000) || 'a')")
    pair.target.execute("insert into t values (1, repeat('x', 10000) || 'b')")

    found = one(pair.differences("t"))

    assert "md5 of body: " in found.source
    assert found.source != found.target
    assert len(found.source) < 500


def test_keys_of_several_columns_and_odd_names(pair):
    pair.on_both('create table "Odd ""t%s" ("a b" text, "%" int, "select" text, primary key ("a b", "%"))')
    pair.source.execute("""insert into "Odd ""t%s" values ('x,"y', 1, 'l'), ('{}', 2, 'm')""")
    pair.target.execute("""insert into "Odd ""t%s" values ('x,"y', 1, 'l'), ('{}', 2, 'n')""")

    found = one(pair.differences('Odd "t%s'))

    assert found.key == "(a b, %)=({}, 2)"
    assert (found.source, found.target) == ("select='m'", "select='n'")


def test_without_a_key_the_rows_themselves_are_shown(pair):
    pair.on_both("create table t (a int, b text)", "insert into t values (1, 'one'), (2, 'two')")
    pair.target.execute("update t set b = 'too' where a = 2")

    missing, extra = pair.differences("t")

    assert (missing.aspect, missing.source, missing.key) == ("row missing", "(2,two)", None)
    assert (extra.aspect, extra.target, extra.key) == ("row extra", "(2,too)", None)


def test_equal_rows_count_one_by_one(pair):
    pair.on_both("create table t (a int)")
    pair.source.execute("insert into t values (1), (1), (1), (2)")
    pair.target.execute("insert into t values (1), (2), (2), (2)")

    found = pair.differences("t")

    assert [(d.aspect, d.source, d.target) for d in found] == [
        ("row missing", "(1)", "(no row)"),
        ("row missing", "(1)", "(no row)"),
        ("row extra", "(no row)", "(2)"),
        ("row extra", "(no row)", "(2)"),
    ]


def test_a_row_doubled_under_a_lost_key_is_found(orders):
    orders.target.execute("alter table orders drop constraint orders_pkey")
    orders.target.execute("insert into orders select * from orders where id = 5")

    count, row = orders.differences("orders")

    assert count.aspect == "row count"
    assert (row.aspect, row.key) == ("row extra", "(id)=(5)")


def test_tables_without_columns_are_compared_by_their_count(pair):
    pair.on_both("create table t ()", "insert into t default values")
    assert pair.differences("t") == ()

    pair.target.execute("insert into t default values")
    assert pair.differences("t")[0].aspect == "row count"


def test_a_filter_says_what_was_moved_and_nothing_else_may_be_there(orders):
    orders.target.execute("delete from orders where id > 1000")
    assert orders.differences("orders", filter="id <= 1000 -- the old ones") == ()

    orders.target.execute("insert into orders (id) values (1500)")
    assert orders.differences("orders", filter="id <= 1000")[-1].aspect == "row extra"


def test_an_extensions_condition_holds_on_both_ends(orders):
    orders.target.execute("update orders set note = 'its own' where id <= 10")

    assert orders.differences("orders", where="WHERE id > 10") == ()
    assert len(orders.differences("orders", where="")) == 10


def test_children_are_not_counted_with_their_parent(pair):
    pair.on_both("create table parent (id int primary key)", "create table child () inherits (parent)")
    pair.on_both("insert into parent values (1)")
    pair.target.execute("insert into child values (2)")

    assert pair.differences("parent") == ()
    assert pair.differences("child")[0].aspect == "row count"


def test_mode_rows_counts_and_looks_no_further(orders):
    orders.target.execute("update orders set note = 'spoiled'")
    assert orders.differences("orders", mode="rows") == ()

    orders.target.execute("delete from orders where id = 1")
    assert one(orders.differences("orders", mode="rows")).aspect == "row count"


def test_mode_sample_compares_the_same_part_of_both_ends(orders):
    assert orders.differences("orders", mode="sample", sample_percent=30) == ()

    orders.target.execute("update orders set note = 'spoiled'")
    *listed, summary = orders.differences("orders", mode="sample", sample_percent=30)

    assert {d.aspect for d in listed} == {"row"}
    assert 450 < int(summary.source.split()[0]) < 750


def test_mode_sample_without_a_key(pair):
    pair.on_both("create table t (a int, b text)", "insert into t select n, 'x' from generate_series(1, 1000) n")
    assert pair.differences("t", mode="sample", sample_percent=20) == ()

    pair.target.execute("update t set b = 'y'")
    assert pair.differences("t", mode="sample", sample_percent=20) != ()


def test_a_table_that_is_not_there_is_a_difference_not_an_error(pair):
    pair.source.execute("create table t (id int primary key)")

    found = one(pair.differences("t"))

    assert (found.aspect, found.source) == ("missing", "present")
    assert found.target == 'relation "public.t" does not exist'


def test_a_column_that_is_not_there_is_a_difference(pair):
    pair.source.execute("create table t (id int primary key, a int)")
    pair.target.execute("create table t (id int primary key)")

    assert one(pair.differences("t")).target == 'column "a" does not exist'


def test_the_session_is_left_as_it_was(orders):
    before = orders.read_target.execute("select name, setting from pg_settings order by name").fetchall()
    orders.target.execute("update orders set note = 'spoiled' where id = 1")
    assert orders.differences("orders")
    assert orders.read_target.execute("select name, setting from pg_settings order by name").fetchall() == before


def test_generated_columns_are_compared(pair):
    pair.source.execute("create table t (id int primary key, twice int generated always as (id * 2) stored)")
    pair.target.execute("create table t (id int primary key, twice int generated always as (id * 3) stored)")
    pair.on_both("insert into t (id) values (4)")

    found = one(pair.differences("t"))

    assert (found.source, found.target) == ("twice='8'", "twice='12'")


def test_three_hundred_thousand_rows_take_seconds(pair):
    pair.on_both("create table t (id int primary key, name text, total numeric)")
    pair.on_both("insert into t select n, 'name ' || n, n / 100.0 from generate_series(1, 300000) n")
    pair.target.execute("update t set name = 'spoiled' where id = 271828")

    begun = time.monotonic()
    found = one(pair.differences("t"))

    assert found.key == "(id)=(271828)"
    assert time.monotonic() - begun < 30
