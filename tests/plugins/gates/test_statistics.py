"""Tables with rows have statistics on the target."""

from dtsrun.testing.contracts import GateContract
from dtsrun_plugins.gates.statistics import Statistics


class TestStatistics(GateContract):
    plugin = Statistics


def test_tables_and_views_with_rows_need_them(shop):
    shop.on_both("create table orders (id int) with (autovacuum_enabled = off)")
    shop.on_both("create table empty (id int)")
    shop.on_both("create materialized view totals as select 1 as one")
    shop.target.execute("insert into orders values (1)")
    said = [f"public.{name} holds rows and has no statistics" for name in ("orders", "totals")]
    found = shop.found(Statistics)
    assert [finding.message for finding in found] == said
    for finding in found:
        shop.target.execute(finding.fix.sql[0].encode())
    assert shop.found(Statistics) == []


def test_counters_that_were_reset_do_not_matter(shop):
    shop.on_both("create table orders (id int) with (autovacuum_enabled = off)")
    shop.target.execute("insert into orders values (1)")
    shop.target.execute("analyze orders")
    shop.target.execute("select pg_stat_reset(), pg_stat_reset_single_table_counters('orders'::regclass)")
    assert shop.found(Statistics) == []
