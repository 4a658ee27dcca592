"""Nobody else is connected to the source."""

from contextlib import ExitStack

import psycopg
import pytest

from dtsrun.api import Severity, SkipCheck
from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import GateContract
from dtsrun_plugins.gates.residual_sessions import ResidualSessions


class TestResidualSessions(GateContract):
    plugin = ResidualSessions


@pytest.fixture
def other(shop):
    """Open a session of somebody else."""
    with ExitStack() as stack:

        def open_one(application):
            conninfo = shop.routes[0].conninfo(shop.name)
            connection = psycopg.connect(conninfo, application_name=application, autocommit=True)
            return stack.enter_context(connection)

        yield open_one


def test_our_own_sessions_pass(shop):
    with connect(shop.routes[0], shop.name, purpose="following"):
        assert shop.found(ResidualSessions) == []


def test_others_are_counted_by_application_with_what_they_do(shop, other):
    pids = [other("billing").info.backend_pid for _ in range(2)]
    other("report").execute("begin")
    user = shop.routes[0].parameters["user"]
    with connect(shop.routes[0]) as connection:
        # Behind a container's bridge it is not the one that the client has.
        address = connection.execute("select host(inet_client_addr())").fetchone()[0]
    billing, report = shop.found(ResidualSessions)
    assert billing.message.startswith(f"2 sessions of {user} (billing) on {shop.name} from {address}: 2 idle, the last")
    assert [each["pid"] for each in billing.evidence["sessions"]] == pids
    assert billing.fix.sql == tuple(f"select pg_terminate_backend({pid})" for pid in pids)
    assert report.message.startswith(f"1 session of {user} (report) on {shop.name} from {address}: 1 idle in transac")
    assert report.evidence["sessions"][0]["seconds_in_transaction"] >= 0


def test_exempt_ones_pass(shop, other):
    other("billing 7")
    assert shop.found(ResidualSessions, options={"applications": ["billing *"]}) == []
    assert shop.found(ResidualSessions, options={"roles": [shop.routes[0].parameters["user"]]}) == []
    assert len(shop.found(ResidualSessions, options={"applications": ["other *"]})) == 1


def test_a_prepared_transaction_is_a_writer_without_a_session(shop, other):
    session = other("billing")
    session.execute("create table t (id int)")
    session.execute("begin; insert into t values (1); prepare transaction 'left'")
    session.close()
    try:
        for fence in ("none", "read_only"):
            (found,) = shop.found(ResidualSessions, fence=fence)
            assert found.message == (
                f"prepared transaction 'left' of {shop.routes[0].parameters['user']} on {shop.name} can be committed at"
                " any time, and would be missing on the target"
            )
            assert (found.severity, found.fix.sql) == (Severity.FAIL, ("rollback prepared 'left'",))
    finally:
        shop.source.execute("rollback prepared 'left'")


def test_a_fence_of_dtsrun_looks_itself(shop):
    with pytest.raises(SkipCheck, match="the fence"):
        shop.found(ResidualSessions, fence="read_only")
