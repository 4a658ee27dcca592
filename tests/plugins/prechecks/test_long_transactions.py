"""No transaction on the source has been open for long."""

import pytest

from dtsrun.api import Undetermined
from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.long_transactions import LongTransactions


class TestLongTransactions(PrecheckContract):
    plugin = LongTransactions


@pytest.fixture
def other(source_route, fresh_database):
    """A session in a transaction, in a database that is not chosen."""
    with connect(source_route, fresh_database(source_route), settings={"application_name": "shop"}) as connection:
        connection.execute("begin")
        connection.execute("create table public.t (x int)")
        yield connection


def test_short_ones_pass(found, source_route, target_route, other):
    assert found(LongTransactions, source_route, target_route) == []


def test_one_that_writes_in_any_database_is_an_alarm_and_names_its_session(found, source_route, target_route, other):
    (finding,) = found(LongTransactions, source_route, target_route, options={"writing": 0})
    assert finding.subject == f"database {other.info.dbname}"
    assert finding.message.endswith("idle in transaction")
    assert finding.fix.sql == (f"SELECT pg_catalog.pg_terminate_backend({other.info.backend_pid})",)


def test_one_that_reads_counts_once_it_is_old(found, source_route, target_route, other):
    other.execute("rollback")
    other.execute("begin")
    other.execute("select from pg_class")
    assert found(LongTransactions, source_route, target_route, options={"writing": 0}) == []
    (finding,) = found(LongTransactions, source_route, target_route, options={"open": 0})
    assert finding.observed == "open for 0 s, reading"


def test_our_own_sessions_do_not_count(found, source_route, target_route):
    with connect(source_route, purpose="shop snapshot", autocommit=False) as connection:
        connection.execute("select pg_current_xact_id()")
        assert found(LongTransactions, source_route, target_route, options={"writing": 0}) == []


def test_an_account_that_does_not_see_others_cannot_know(found, source_route, target_route, route_of):
    account = route_of(source_route)
    with pytest.raises(Undetermined, match="grant pg_read_all_stats to r_"):
        found(LongTransactions, account, target_route)
