"""Both servers have connections to spare for the task."""

from contextlib import ExitStack

from dtsrun.api import Resources
from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun.testing.fakes import make_spec
from dtsrun_plugins.prechecks.connections_free import ConnectionsFree


class TestConnectionsFree(PrecheckContract):
    plugin = ConnectionsFree


def test_servers_with_room_pass(found, source_route, target_route, fresh_database):
    assert found(ConnectionsFree, source_route, target_route, databases=[fresh_database(source_route)]) == []


def test_more_workers_than_connections_fail_on_the_server_that_lacks_them(
    found, lean_route, target_route, fresh_database
):
    shop = fresh_database(lean_route)
    spec = make_spec({shop: shop}, resources=Resources(copy=30, index=10))
    (finding,) = found(ConnectionsFree, lean_route, target_route, spec=spec)
    assert finding.subject == "source"
    assert finding.message.endswith("and 42 are needed")
    assert finding.fix.takes_effect == "restart"


def test_connections_of_others_count(found, lean_route, target_route, fresh_database):
    shop = fresh_database(lean_route)
    spec = make_spec({shop: shop}, resources=Resources(copy=6, index=6))
    assert found(ConnectionsFree, lean_route, target_route, spec=spec) == []
    with ExitStack() as stack:
        for _ in range(8):
            stack.enter_context(connect(lean_route))
        (finding,) = found(ConnectionsFree, lean_route, target_route, spec=spec)
    assert finding.observed == "12 of 20"


def test_what_is_reserved_for_superusers_is_not_for_others(found, lean_route, target_route, route_of, fresh_database):
    shop = fresh_database(lean_route)
    spec = make_spec({shop: shop}, resources=Resources(copy=9, index=8))
    assert found(ConnectionsFree, lean_route, target_route, spec=spec) == []
    (finding,) = found(ConnectionsFree, route_of(lean_route), target_route, spec=spec)
    assert finding.observed == "17 of 20"
