"""The transactions of the source fit in the memory for decoding."""

import pytest

from dtsrun.api import ServerFacts, SkipCheck
from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.large_transactions import LargeTransactions


class TestLargeTransactions(PrecheckContract):
    plugin = LargeTransactions


@pytest.fixture
def decoded(source_route, fresh_database):
    """Decode a transaction of a megabyte in 64 kB of memory, by the slot `t_large`."""
    with connect(source_route, fresh_database(source_route)) as connection:
        connection.execute("create table public.t (x text)")
        connection.execute("create publication p for table public.t")
        connection.execute("select pg_create_logical_replication_slot('t_large', 'pgoutput')")
        # Decoding reads what is on disk, and these servers do not wait for that.
        connection.execute("set synchronous_commit = on")
        connection.execute("insert into public.t select repeat('x', 1000) from generate_series(1, 1000)")
        connection.execute("set logical_decoding_work_mem = '64kB'")
        connection.execute(
            "select count(*) from pg_logical_slot_get_binary_changes('t_large', null, null,"
            " 'proto_version', '1', 'publication_names', 'p')"
        )
        connection.execute("select pg_stat_force_next_flush()")
        yield
        connection.execute("select pg_drop_replication_slot('t_large')")


@pytest.mark.usefixtures("decoded")
def test_little_on_disk_passes(found, source_route, target_route):
    assert found(LargeTransactions, source_route, target_route) == []


@pytest.mark.usefixtures("decoded")
def test_much_on_disk_is_an_alarm_that_names_the_slot(found, source_route, target_route):
    (finding,) = found(LargeTransactions, source_route, target_route, options={"spilled": 500_000})
    assert finding.subject == "slot t_large"
    assert finding.message.startswith("slot t_large wrote 1 of ")
    assert finding.evidence["bytes"] > 500_000


def test_a_source_without_slots_is_skipped(found, source_route, target_route):
    with pytest.raises(SkipCheck, match="no logical slots"):
        found(LargeTransactions, source_route, target_route)


def test_versions_without_the_statistics_are_skipped(found, source_route, target_route):
    facts = ServerFacts(version=130000, version_text="", current_user="m", is_superuser=True, bootstrap_role="p")
    with pytest.raises(SkipCheck, match="before version 14"):
        found(LargeTransactions, source_route, target_route, facts={"source": facts})
