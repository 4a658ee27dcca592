"""`service`: what libpq users already have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from dtsrun.api import Endpoint, Route, SecretReference
from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import AccessTypeContract
from dtsrun.testing.fakes import FakeAccessContext, make_endpoint
from dtsrun.testing.servers import socket_folder
from dtsrun_plugins.access.service import Service


@pytest.fixture
def services(source_route: Route, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pg_service.conf with the entry `shop`, whose database and user are not to be used."""
    lines = {**source_route.parameters, "dbname": "no_such"}
    text = "[shop]\n" + "".join(f"{name}={value}\n" for name, value in lines.items())
    (tmp_path / "pg_service.conf").write_text(text)
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "pg_service.conf"))


@pytest.fixture
def context(tmp_path: Path) -> FakeAccessContext:
    return FakeAccessContext(home=tmp_path, spec_folder=tmp_path, secrets={"x": "guess"})


class TestService(AccessTypeContract):
    """What every access type keeps."""

    plugin = Service

    @pytest.fixture
    def endpoint(self, services: None) -> Endpoint:
        """The entry of the file."""
        return make_endpoint(access={"service": "shop"})


@pytest.mark.usefixtures("services")
def test_its_database_is_ours_to_choose(context: FakeAccessContext, source_route: Route, fresh_database: Any) -> None:
    name = fresh_database(source_route)
    with Service().open(make_endpoint(access={"service": "shop"}), context) as route:
        for database, expected in ((None, "postgres"), (name, name)):
            with connect(route, database) as connection:
                assert connection.info.dbname == expected


@pytest.mark.usefixtures("services")
def test_account_and_password_go_before_those_of_the_service(context: FakeAccessContext) -> None:
    endpoint = make_endpoint(
        access={"service": "shop"}, account="somebody", password=SecretReference(kind="env", value="x")
    )
    with Service().open(endpoint, context) as route:
        assert route.description == "service shop as somebody"
    last = list(Service().probe(endpoint, context))[-1]
    assert (last.status, last.cause) == ("failed", "authentication")
    assert '"somebody"' in last.message


def test_a_socket_leads_there(context: FakeAccessContext, source_route: Route) -> None:
    folder = socket_folder(source_route)
    endpoint = make_endpoint(
        access={"socket": folder, "port": int(source_route.parameters["port"])},
        account="postgres",
        password=SecretReference(kind="env", value="password"),
    )
    known = FakeAccessContext(
        home=context.home,
        spec_folder=context.spec_folder,
        secrets={"password": source_route.parameters["password"]},
    )
    with Service().open(endpoint, known) as route, connect(route) as connection:
        assert connection.info.host == folder
        assert route.peer is None


@pytest.mark.parametrize(
    ("access", "right"),
    [
        ({"service": "shop"}, True),
        ({"socket": "/run/postgresql"}, True),
        ({"socket": "/run/postgresql", "port": 5433}, True),
        ({"socket": "@abstract"}, True),
        ({}, False),
        ({"service": "shop", "socket": "/run"}, False),
        ({"service": "shop", "port": 5433}, False),
        ({"socket": "relative"}, False),
        ({"socket": "/one,/two"}, False),
    ],
)
def test_one_of_both_is_named(access: dict[str, Any], right: bool) -> None:
    assert jsonschema.Draft202012Validator(dict(Service.options)).is_valid(access) is right
