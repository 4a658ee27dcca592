"""How much WAL the slots of others hold back on the source."""

import pytest

from dtsrun.api import Advice, Undetermined
from dtsrun.incremental.names import link_name
from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import ThrottleContract
from dtsrun.testing.fakes import FakeThrottleContext
from dtsrun_plugins.throttles.retained_wal import RetainedWal

OWN = link_name("move", "shop", 1)


class TestRetainedWal(ThrottleContract):
    plugin = RetainedWal

    @pytest.fixture
    def throttle_context(self, source_route):
        return FakeThrottleContext(source_route, RetainedWal, {"limit": "1GB"})


@pytest.fixture
def slot(source_route):
    """Make a slot that nobody reads, and let WAL pile up behind it."""
    made = []
    with connect(source_route) as connection:

        def make(name):
            connection.execute("select pg_create_physical_replication_slot(%s, true)", [name])
            made.append(name)
            for _ in range(3):
                connection.execute("select pg_logical_emit_message(false, 'test', repeat('x', 1000000))")

        yield make
        for name in made:
            connection.execute("select pg_drop_replication_slot(%s)", [name])


def test_an_idle_slot_holds_back_wal(slot, look):
    slot("idle")
    signal = look(RetainedWal, limit="1MB", slots=["idle", "other"])
    assert signal.reading > 2**21 and signal.limit == 2**20 and signal.advice is None
    assert signal.told.startswith("slot idle holds back ") and signal.told.endswith(" of WAL, limit 1024 kB")


def test_our_own_slot_is_told_of_and_never_held_for(slot, look):
    slot(OWN)
    signal = look(RetainedWal, limit="1MB", slots=["dtsrun_*"])
    assert (signal.reading, signal.advice) == (0, Advice.GO)
    assert signal.notice.startswith(f"slot {OWN} holds back ")
    assert "a hold would only make it more" in signal.notice
    assert look(RetainedWal, limit="1GB", slots=["dtsrun_*"]).notice == ""


def test_the_limit_is_half_of_the_servers_own(source_route, look):
    with pytest.raises(Undetermined, match="give throttle.retained_wal a limit"):
        look(RetainedWal)
    with connect(source_route) as connection:
        connection.execute("alter system set max_slot_wal_keep_size = '100MB'")
        connection.execute("select pg_reload_conf()")
        try:
            assert look(RetainedWal).limit == 50 * 2**20
        finally:
            connection.execute("alter system reset max_slot_wal_keep_size")
            connection.execute("select pg_reload_conf()")
