"""The target has the tablespaces that the spec maps to."""

from dtsrun.testing.contracts import PrecheckContract
from dtsrun.testing.fakes import FakeCheckContext, make_spec
from dtsrun_plugins.prechecks.tablespace_map import TablespaceMap


class TestTablespaceMap(PrecheckContract):
    plugin = TablespaceMap


def found(source, target, **known):
    with FakeCheckContext(source=source, target=target, **known) as context:
        return list(TablespaceMap().check(context))


def mapping(theirs, policy="map"):
    return make_spec({}, kinds={"tablespaces": {"policy": policy, "map": {"fast": theirs}}})


def test_a_tablespace_that_is_there_passes(source_route, target_route):
    assert found(source_route, target_route, spec=mapping("pg_default")) == []


def test_one_that_is_missing_fails(source_route, target_route):
    (finding,) = found(source_route, target_route, spec=mapping("nvme"))
    assert finding.message == "the target has no tablespace nvme, where what lies in fast goes"


def test_one_without_create_fails_and_the_fix_grants_it(source_route, target_route, route_of):
    account = route_of(target_route)
    (finding,) = found(source_route, account, spec=mapping("pg_global"))
    name = account.parameters["user"]
    assert finding.fix.sql == (f'GRANT CREATE ON TABLESPACE "pg_global" TO "{name}"',)


def test_without_the_policy_nothing_is_mapped(source_route, target_route):
    assert found(source_route, target_route, spec=mapping("nvme", "default")) == []
