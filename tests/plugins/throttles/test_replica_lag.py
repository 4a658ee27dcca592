"""How far the source's standbys are behind."""

import time

import pytest

from dtsrun.api import Undetermined
from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import ThrottleContract
from dtsrun.testing.fakes import FakeThrottleContext
from dtsrun.testing.standby import standby_of
from dtsrun_plugins.throttles.replica_lag import ReplicaLag

pytestmark = pytest.mark.xdist_group("standby")


@pytest.fixture(scope="module")
def standby(source_route):
    with standby_of(source_route, 16) as made:
        yield made


class TestReplicaLag(ThrottleContract):
    plugin = ReplicaLag

    @pytest.fixture
    def throttle_context(self, source_route, standby):
        return FakeThrottleContext(source_route, ReplicaLag, {"limit": "1MB", "seconds": "10s"})


def write(route, megabytes):
    with connect(route) as connection:
        for _ in range(megabytes):
            connection.execute("select pg_logical_emit_message(false, 'test', repeat('x', 1000000))")


def eventually(look, seconds=15):
    until = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.1)
    return seen


def test_a_standby_that_replays_nothing_is_behind_until_it_does(source_route, standby, look):
    standby.pause()
    try:
        write(source_route, 3)
        signal = look(ReplicaLag, limit="1MB")
        assert signal.reading > 2**20 == signal.limit
        assert signal.told.startswith("standby standby is ") and signal.told.endswith(" behind, limit 1024 kB")
        # It has all of it on its disk.
        assert eventually(lambda: look(ReplicaLag, limit="1MB", position="flush").reading < 2**20)
    finally:
        standby.resume()
    assert eventually(lambda: look(ReplicaLag, limit="1MB").reading < 2**20)


def test_time_counts_where_it_is_given(source_route, standby, look):
    standby.pause()
    try:
        write(source_route, 1)
        signal = eventually(
            lambda: (found := look(ReplicaLag, limit="1GB", seconds="500ms")).limit == 0.5 < found.reading and found
        )
        assert signal.told.startswith("standby standby is ") and signal.told.endswith(" s behind, limit 0.5 s")
    finally:
        standby.resume()


def test_standbys_that_do_not_count_are_no_standbys(standby, look):
    assert look(ReplicaLag, standbys=["stand*"]).told
    with pytest.raises(Undetermined, match="no standby streams"):
        look(ReplicaLag, standbys=["other"])


def test_who_cannot_see_the_lag_does_not_take_it_for_none(standby, unprivileged, monitor, look):
    with pytest.raises(Undetermined, match="watcher_without may not see the lag .*: grant pg_monitor"):
        look(ReplicaLag, route=unprivileged)
    assert look(ReplicaLag, route=monitor).limit == 64 * 2**20
