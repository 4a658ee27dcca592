"""Each signal is read on every version."""

import pytest

from dtsrun.api import Undetermined
from dtsrun.testing.fakes import FakeThrottleContext
from dtsrun_plugins.throttles.active_sessions import ActiveSessions
from dtsrun_plugins.throttles.replica_lag import ReplicaLag
from dtsrun_plugins.throttles.retained_wal import RetainedWal

VERSIONS = [pytest.param(v, marks=() if v in (16, 18) else pytest.mark.matrix) for v in range(10, 19)]


@pytest.mark.parametrize("version", VERSIONS)
def test_each_signal_is_read(version, postgres_server):
    route = postgres_server(version)
    with FakeThrottleContext(route, ActiveSessions, {"limit": 9}) as context:
        assert ActiveSessions().look(context).reading == 0
    with FakeThrottleContext(route, RetainedWal, {"limit": "1GB"}) as context:
        assert RetainedWal().look(context).limit == 2**30
    with FakeThrottleContext(route, RetainedWal) as context, pytest.raises(Undetermined, match="keep_size"):
        RetainedWal().look(context)
    for position in ("replay", "flush", "write"):
        with (
            FakeThrottleContext(route, ReplicaLag, {"position": position}) as context,
            pytest.raises(Undetermined, match="no standby"),
        ):
            ReplicaLag().look(context)
