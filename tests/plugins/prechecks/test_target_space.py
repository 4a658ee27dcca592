"""The target has room for the data."""

from dataclasses import replace

import pytest

from dtsrun.api import Severity
from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun.testing.fakes import FakeCheckContext
from dtsrun.testing.servers import private_server_only
from dtsrun_plugins.prechecks.target_space import TargetSpace

OWN_DISK = "the disk that they write to cannot be seen from this machine"


class TestTargetSpace(PrecheckContract):
    plugin = TargetSpace


@pytest.fixture
def shop(source_route, fresh_database):
    name = fresh_database(source_route)
    with connect(source_route, name) as connection:
        connection.execute("create table public.t as select n, repeat('x', 100) as x from generate_series(1, 5000) n")
        connection.execute("vacuum public.t")
    return name


def found(source, target, shop, **options):
    known = {"ratio": 1.2, **options}
    with FakeCheckContext(source=source, target=target, databases=[shop], options=known) as context:
        return list(TargetSpace().check(context))


def test_a_target_on_this_machine_is_looked_at(source_route, target_route, shop):
    private_server_only(OWN_DISK)
    assert found(source_route, target_route, shop) == []


def test_more_than_there_can_be_fails_with_both_figures(source_route, target_route, shop):
    private_server_only(OWN_DISK)
    (finding,) = found(source_route, target_route, shop, ratio=1e12)
    assert finding.severity is None
    assert "GiB left" in finding.message


@pytest.mark.parametrize(("available", "count"), [(0, 1), (600_000, 1), (10**12, 0)])
def test_what_the_policy_says_of_the_space_counts(source_route, target_route, shop, available, count):
    assert len(found(source_route, target_route, shop, available=available)) == count


def test_a_target_whose_space_cannot_be_seen_is_an_alarm(source_route, target_route, route_of, shop):
    hidden = route_of(target_route)
    (finding,) = found(source_route, hidden, shop)
    assert finding.severity is Severity.ALARM
    assert "available" in finding.fix.text


def test_nothing_chosen_needs_nothing(source_route, target_route, shop):
    with FakeCheckContext(source=source_route, target=target_route, databases=[shop]) as context:
        inventory = context.inventory
    empty = replace(inventory, databases={shop: replace(inventory.databases[shop], relations={})})
    context = FakeCheckContext(
        target=target_route, databases=[shop], inventory=empty, options={"ratio": 1, "available": 0}
    )
    with context:
        assert list(TargetSpace().check(context)) == []
