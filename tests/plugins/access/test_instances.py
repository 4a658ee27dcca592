"""`self_build_cvm` and `database`: servers that are known by an id."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from dtsrun.api import AccessType, Endpoint, Objection, Route, SecretReference
from dtsrun.errors import AccessError
from dtsrun.testing.contracts import AccessTypeContract
from dtsrun.testing.fakes import FakeAccessContext, make_endpoint
from dtsrun_plugins.access.database import ManagedDatabase
from dtsrun_plugins.access.self_build_cvm import SelfBuildCvm

LISTED = """\
dtsrun_inventory: 1
instances:
  - {{id: ins-1, region: here, address: 127.0.0.1, kind: machine}}
  - {{id: ins-2, region: here, address: [10.0.0.2, 127.0.0.1], kind: machine}}
  - {{id: postgres-1, region: here, address: 127.0.0.1, port: {port}, kind: database}}
  - {{id: postgres-2, region: here, address: 127.0.0.1}}
"""


def end(plugin: type[AccessType], region: str | None = "here", side: Any = "source", **access: Any) -> Endpoint:
    return make_endpoint(
        side,
        plugin.name.partition(".")[2],
        access=access,
        account="postgres",
        region=region,
        password=SecretReference(kind="env", value="password"),
    )


class InstanceContract(AccessTypeContract):
    """What every access type keeps, for a server whose address an inventory knows."""

    @pytest.fixture
    def access_context(self, source_route: Route, tmp_path: Path) -> FakeAccessContext:
        """The inventory stands beside the spec."""
        return context_of(source_route, tmp_path)


def context_of(route: Route, folder: Path) -> FakeAccessContext:
    (folder / "inventory.yaml").write_text(LISTED.format(port=route.parameters["port"]))
    return FakeAccessContext(home=folder, spec_folder=folder, secrets={"password": route.parameters["password"]})


class TestSelfBuildCvm(InstanceContract):
    """A machine."""

    plugin = SelfBuildCvm

    @pytest.fixture
    def endpoint(self, source_route: Route) -> Endpoint:
        """The machine, and the port that PostgreSQL has on it."""
        return end(SelfBuildCvm, instance="ins-1", port=int(source_route.parameters["port"]))


class TestManagedDatabase(InstanceContract):
    """A managed instance."""

    plugin = ManagedDatabase

    @pytest.fixture
    def endpoint(self) -> Endpoint:
        """The instance alone."""
        return end(ManagedDatabase, instance="postgres-1")


def opened(plugin: type[AccessType], route: Route, folder: Path, **access: Any) -> Route:
    with plugin().open(end(plugin, **access), context_of(route, folder)) as opened_route:
        return opened_route


def test_people_are_told_the_instance_too(source_route: Route, tmp_path: Path) -> None:
    route = opened(SelfBuildCvm, source_route, tmp_path, instance="ins-1", port=5432)
    assert route.description == "127.0.0.1:5432 as postgres, machine ins-1 in here"
    assert route.network == "private"
    assert route.peer is not None
    assert route.peer["host"] == "127.0.0.1"


def test_of_several_addresses_one_is_named(source_route: Route, tmp_path: Path) -> None:
    with pytest.raises(AccessError, match=r"ins-2 has more than one address: 10.0.0.2, 127.0.0.1") as caught:
        opened(SelfBuildCvm, source_route, tmp_path, instance="ins-2", port=5432)
    assert "source.access.address" in (caught.value.hint or "")
    chosen = opened(SelfBuildCvm, source_route, tmp_path, instance="ins-2", port=5432, address="10.0.0.2")
    assert chosen.parameters["host"] == "10.0.0.2"
    with pytest.raises(AccessError, match="ins-2 has no address 10.0.0.3"):
        opened(SelfBuildCvm, source_route, tmp_path, instance="ins-2", port=5432, address="10.0.0.3")


def test_a_port_that_nobody_knows_is_asked_for(source_route: Route, tmp_path: Path) -> None:
    with pytest.raises(AccessError, match="does not know the port of instance postgres-2") as caught:
        opened(ManagedDatabase, source_route, tmp_path, instance="postgres-2")
    assert "source.access.port" in (caught.value.hint or "")
    assert (
        opened(ManagedDatabase, source_route, tmp_path, instance="postgres-2", port=5434).parameters["port"] == "5434"
    )


def test_the_connectivity_test_tells_what_the_inventory_said(source_route: Route, tmp_path: Path) -> None:
    context = context_of(source_route, tmp_path)
    first, *others = ManagedDatabase().probe(end(ManagedDatabase, instance="postgres-3"), context)
    assert (first.step, first.status) == ("open", "failed")
    assert "does not know database postgres-3; did you mean `postgres-" in first.message
    assert {other.status for other in others} == {"skipped"}


@pytest.mark.parametrize(
    ("plugin", "access", "right"),
    [
        (SelfBuildCvm, {"instance": "ins-1", "port": 5432}, True),
        (SelfBuildCvm, {"instance": "ins-1"}, False),
        (SelfBuildCvm, {"port": 5432}, False),
        (ManagedDatabase, {"instance": "postgres-1"}, True),
        (ManagedDatabase, {}, False),
        (ManagedDatabase, {"instance": "postgres-1", "account_mode": "theirs"}, False),
    ],
)
def test_what_is_required(plugin: type[AccessType], access: dict[str, Any], right: bool) -> None:
    assert jsonschema.Draft202012Validator(dict(plugin.options)).is_valid(access) is right


def objections(plugin: Any, ours: Endpoint, other: Endpoint) -> list[Objection]:
    return list(plugin().objections(ours, other))


def test_a_machine_is_reached_within_its_region_only() -> None:
    ours = end(SelfBuildCvm, instance="ins-1", port=5432)
    assert objections(SelfBuildCvm, ours, make_endpoint("target", region="here")) == []
    [objection] = objections(SelfBuildCvm, ours, make_endpoint("target", region="there"))
    assert (objection.side, objection.path) == ("source", ("access", "type"))
    assert "the source is in here, the target in there" in objection.message
    assert "public_network" in objection.hint
    [missing] = objections(SelfBuildCvm, ours, make_endpoint("target"))
    assert (missing.side, missing.path) == ("target", ())
    assert "`region` is missing" in missing.message


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({}, None),
        ({"account_mode": "own"}, None),
        ({"account_mode": "other", "role": "r"}, None),
        ({"account_mode": "other"}, "`role` is missing"),
        ({"role": "r"}, "says that the instance is our own"),
    ],
)
def test_an_instance_of_another_account_needs_a_role(said: dict[str, str], words: str | None) -> None:
    found = objections(ManagedDatabase, end(ManagedDatabase, instance="postgres-1", **said), make_endpoint("target"))
    assert len(found) == (0 if words is None else 1)
    assert all((words or "") in objection.message for objection in found)
