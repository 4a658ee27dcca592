"""`direct_connect`, `vpn` and `ccn`: private addresses, with what lies between named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from dtsrun.api import AccessType, Endpoint, Route, SecretReference
from dtsrun.testing.contracts import AccessTypeContract
from dtsrun.testing.fakes import FakeAccessContext, make_endpoint
from dtsrun_plugins.access.ccn import Ccn
from dtsrun_plugins.access.direct_connect import DirectConnect
from dtsrun_plugins.access.vpn import Vpn

WAY = {"vpc": "vpc-1", "subnet": "subnet-1", "port": 5432}
LINE = {**WAY, "gateway": "dcg-1"}
TUNNEL = {**WAY, "gateway": "vpngw-1"}
CLOUD = {**WAY, "ccn": "ccn-1", "network": "idc"}
ALL = [(DirectConnect, LINE), (Vpn, TUNNEL), (Ccn, CLOUD)]


class PrivateWayContract(AccessTypeContract):
    """What every access type keeps, against a server on this machine."""

    way: dict[str, Any]

    @pytest.fixture
    def endpoint(self, source_route: Route) -> Endpoint:
        """The way to a running server."""
        return make_endpoint(
            "source",
            self.plugin.name.partition(".")[2],
            access={**self.way, "host": "127.0.0.1", "port": int(source_route.parameters["port"])},
            account="postgres",
            password=SecretReference(kind="env", value="password"),
        )

    @pytest.fixture
    def access_context(self, source_route: Route, tmp_path: Path) -> FakeAccessContext:
        """It knows the password."""
        secrets = {"password": source_route.parameters["password"]}
        return FakeAccessContext(home=tmp_path, spec_folder=tmp_path, secrets=secrets)


class TestDirectConnect(PrivateWayContract):
    """A dedicated line."""

    plugin = DirectConnect
    way = LINE


class TestVpn(PrivateWayContract):
    """A tunnel."""

    plugin = Vpn
    way = TUNNEL


class TestCcn(PrivateWayContract):
    """A cloud connect network."""

    plugin = Ccn
    way = CLOUD


def opened(plugin: type[AccessType], folder: Path, **access: Any) -> Route:
    endpoint = make_endpoint("source", "any", access={"host": "10.20.0.15", **access}, account="migrator")
    with plugin().open(endpoint, FakeAccessContext(home=folder, spec_folder=folder)) as route:
        return route


@pytest.mark.parametrize(
    ("plugin", "way", "through"),
    [
        (DirectConnect, LINE, "direct connect gateway dcg-1 of vpc-1"),
        (Vpn, TUNNEL, "VPN gateway vpngw-1 of vpc-1"),
        (Ccn, CLOUD, "ccn-1 to a data centre"),
        (Ccn, {**CLOUD, "network": "vpc", "owner": "100001"}, "ccn-1 of account 100001 to a VPC"),
    ],
)
def test_people_are_told_what_lies_between(
    tmp_path: Path, plugin: type[AccessType], way: dict[str, Any], through: str
) -> None:
    assert opened(plugin, tmp_path, **way).description == f"10.20.0.15:5432 as migrator, through {through}"


@pytest.mark.parametrize(("plugin", "way"), ALL)
def test_they_are_private_and_take_tls_where_it_is_offered(
    tmp_path: Path, plugin: type[AccessType], way: dict[str, Any]
) -> None:
    route = opened(plugin, tmp_path, **way)
    assert route.network == "private"
    assert route.parameters["sslmode"] == "prefer"
    assert opened(plugin, tmp_path, **way, tls={"mode": "verify-full"}).parameters["sslmode"] == "verify-full"


@pytest.mark.parametrize(("plugin", "way"), ALL)
def test_the_other_server_goes_there_too_unless_it_is_said_otherwise(
    tmp_path: Path, plugin: type[AccessType], way: dict[str, Any]
) -> None:
    same = opened(plugin, tmp_path, **way)
    assert same.peer == {"host": "10.20.0.15", "port": "5432", "user": "migrator", "sslmode": "prefer"}
    files = {"root_cert": "/etc/ca", "cert": "/etc/me", "key": "/etc/key", "crl": "/etc/gone"}
    other = opened(plugin, tmp_path, **way, peer={"host": "172.16.0.2", "mode": "verify-ca", **files})
    assert other.peer == {
        "host": "172.16.0.2",
        "port": "5432",
        "user": "migrator",
        "sslmode": "verify-ca",
        "sslrootcert": "/etc/ca",
        "sslcert": "/etc/me",
        "sslkey": "/etc/key",
        "sslcrl": "/etc/gone",
    }
    assert opened(plugin, tmp_path, **way, peer="none").peer is None


@pytest.mark.parametrize(("plugin", "way"), ALL)
def test_all_that_the_way_consists_of_is_required(plugin: type[AccessType], way: dict[str, Any]) -> None:
    whole = {**way, "host": "10.20.0.15"}
    validator = jsonschema.Draft202012Validator(dict(plugin.options))
    assert validator.is_valid(whole)
    for key in whole:
        assert not validator.is_valid({name: value for name, value in whole.items() if name != key}), key
    for wrong in ({"peer": "nobody"}, {"peer": {"port": 1}}, {"peer": {"host": "h", "tls": {}}}, {"port": "5432"}):
        assert not validator.is_valid({**whole, **wrong}), wrong


def test_a_ccn_leads_into_a_data_centre_or_a_vpc() -> None:
    assert not jsonschema.Draft202012Validator(dict(Ccn.options)).is_valid({**CLOUD, "host": "h", "network": "lan"})


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({}, None),
        ({"owner": "100001"}, None),
        ({"account_mode": "own"}, None),
        ({"account_mode": "other", "owner": "100001"}, None),
        ({"account_mode": "other"}, "`owner` is missing"),
        ({"account_mode": "own", "owner": "100001"}, "says that the CCN is our own"),
    ],
)
def test_a_ccn_of_another_account_names_its_owner(said: dict[str, str], words: str | None) -> None:
    end = make_endpoint("source", "ccn", access={**CLOUD, "host": "10.0.0.1", **said})
    messages = [objection.message for objection in Ccn().objections(end, make_endpoint("target"))]
    assert len(messages) == (0 if words is None else 1)
    assert all((words or "") in message for message in messages)
