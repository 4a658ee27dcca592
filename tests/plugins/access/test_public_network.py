"""`public_network`: TLS with the server's name verified, unless the spec asks for less."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from dtsrun.api import Endpoint, ProbeResult, Route, SecretReference
from dtsrun.errors import AccessError
from dtsrun.postgres import network
from dtsrun.postgres.installations import embedded_folders
from dtsrun.postgres.session import connect
from dtsrun.postgres.tools import run_tool
from dtsrun.testing.contracts import AccessTypeContract
from dtsrun.testing.fakes import FakeAccessContext, make_endpoint
from dtsrun_plugins.access.public_network import PublicNetwork

PASSWORD = SecretReference(kind="env", value="password")


def described(route: Route, **access: Any) -> Endpoint:
    """The endpoint of a route's server, as a spec would say it."""
    server = {"host": "127.0.0.1", "port": int(route.parameters["port"])}
    return make_endpoint("source", "public_network", access={**server, **access}, account="postgres", password=PASSWORD)


def context_of(route: Route, folder: Path) -> FakeAccessContext:
    return FakeAccessContext(home=folder, spec_folder=folder, secrets={"password": route.parameters["password"]})


class TestPublicNetwork(AccessTypeContract):
    """What every access type keeps."""

    plugin = PublicNetwork

    @pytest.fixture
    def endpoint(self, source_route: Route) -> Endpoint:
        """A server without TLS, as the embedded ones are."""
        return described(source_route, tls={"mode": "disable"})

    @pytest.fixture
    def access_context(self, source_route: Route, tmp_path: Path) -> FakeAccessContext:
        """It knows the password."""
        return context_of(source_route, tmp_path)


def opened(tmp_path: Path, account: str | None = "migrator", **access: Any) -> Route:
    endpoint = make_endpoint("source", "public_network", access={"host": "db.example.com", **access}, account=account)
    with PublicNetwork().open(endpoint, FakeAccessContext(home=tmp_path, spec_folder=tmp_path)) as route:
        return route


def test_nothing_said_means_the_name_is_verified(tmp_path: Path) -> None:
    parameters = opened(tmp_path).parameters
    assert parameters["sslmode"] == "verify-full"
    assert parameters["port"] == "5432"


def test_a_dead_line_is_noticed(tmp_path: Path) -> None:
    parameters = opened(tmp_path, keepalives={"idle": 5}, connect_timeout=7).parameters
    assert {name: value for name, value in parameters.items() if "keepalives" in name or "timeout" in name} == {
        "connect_timeout": "7",
        "keepalives": "1",
        "keepalives_idle": "5",
        "keepalives_interval": "10",
        "keepalives_count": "6",
        "tcp_user_timeout": "65000",
    }


def test_its_description_is_for_people(tmp_path: Path) -> None:
    assert opened(tmp_path).description == "db.example.com:5432 as migrator"
    assert opened(tmp_path, host="2001:db8::1", account=None).description == "[2001:db8::1]:5432"


def test_the_machines_authorities_are_trusted_where_none_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(network, "_SYSTEM_ROOTS", (str(tmp_path / "no"), str(tmp_path / "bundle.crt")))
    assert opened(tmp_path).parameters["sslrootcert"] == "system"
    (tmp_path / "bundle.crt").write_text("certificates")
    assert opened(tmp_path).parameters["sslrootcert"] == str(tmp_path / "bundle.crt")
    (tmp_path / ".postgresql").mkdir()
    (tmp_path / ".postgresql" / "root.crt").write_text("own")
    assert "sslrootcert" not in opened(tmp_path).parameters


def test_without_the_name_public_authorities_prove_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(AccessError, match="verify-ca needs access.tls.root_cert"):
        opened(tmp_path, tls={"mode": "verify-ca"})


def test_files_start_at_the_specs_folder(tmp_path: Path) -> None:
    for name in ("ca.pem", "me.crt", "me.key", "gone.crl"):
        (tmp_path / name).write_text("")
    files = {"root_cert": "ca.pem", "cert": "me.crt", "key": str(tmp_path / "me.key"), "crl": "gone.crl"}
    parameters = opened(tmp_path, tls=files).parameters
    assert {name: Path(value).name for name, value in parameters.items() if name.startswith("ssl")} == {
        "sslmode": "verify-full",
        "sslrootcert": "ca.pem",
        "sslcert": "me.crt",
        "sslkey": "me.key",
        "sslcrl": "gone.crl",
    }


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(AccessError, match=r"access.tls.root_cert: there is no file .*/ca.pem"):
        opened(tmp_path, tls={"root_cert": "ca.pem"})


def test_the_other_server_is_told_the_address_and_not_our_files(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("")
    peer = opened(tmp_path, tls={"root_cert": "ca.pem"}).peer
    assert peer == {"host": "db.example.com", "port": "5432", "user": "migrator", "sslmode": "verify-full"}


@pytest.mark.parametrize(
    ("access", "right"),
    [
        ({"host": "db.example.com"}, True),
        ({"host": "2001:db8::1", "port": 1}, True),
        ({"host": "/run/postgresql"}, False),
        ({"host": "one,two"}, False),
        ({"host": "one two"}, False),
        ({"host": "h", "port": 65536}, False),
        ({"host": "h", "tls": {"mode": "always"}}, False),
        ({"host": "h", "tls": {"cert": "me.crt"}}, False),
        ({"host": "h", "tls": {"verify": True}}, False),
        ({}, False),
    ],
)
def test_the_spec_is_checked_before_any_connection(access: dict[str, Any], right: bool) -> None:
    assert jsonschema.Draft202012Validator(dict(PublicNetwork.options)).is_valid(access) is right


def login(tls_server: Any, tmp_path: Path, *, host: str = "localhost", **tls: Any) -> ProbeResult:
    endpoint = described(tls_server.route, tls=tls)
    endpoint = replace(endpoint, access={**endpoint.access, "host": host})
    return list(PublicNetwork().probe(endpoint, context_of(tls_server.route, tmp_path)))[-1]


def test_the_right_name_with_the_right_authority_gets_in(tls_server: Any, tmp_path: Path) -> None:
    result = login(tls_server, tmp_path, root_cert=str(tls_server.root))
    assert result.status == "ok"
    assert result.message.endswith("over TLS")


@pytest.mark.parametrize("root", ["other_root", None])
def test_an_authority_that_did_not_sign_is_refused(
    tls_server: Any, tmp_path: Path, root: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    result = login(tls_server, tmp_path, **({"root_cert": str(getattr(tls_server, root))} if root else {}))
    assert (result.status, result.cause) == ("failed", "tls_authority")
    assert "certificate" in result.message


def test_another_name_is_refused_and_can_be_left_unverified(tls_server: Any, tmp_path: Path) -> None:
    wrong = login(tls_server, tmp_path, host="127.0.0.1", root_cert=str(tls_server.root))
    assert (wrong.status, wrong.cause) == ("failed", "tls_host")
    weaker = login(tls_server, tmp_path, host="127.0.0.1", mode="verify-ca", root_cert=str(tls_server.root))
    assert weaker.status == "ok"


def test_offered_tls_is_taken_in_one_login(tls_server: Any, tmp_path: Path) -> None:
    assert login(tls_server, tmp_path, mode="prefer").message.endswith("over TLS")
    endpoint = described(tls_server.route, tls={"mode": "prefer"})
    unknown = FakeAccessContext(home=tmp_path, spec_folder=tmp_path, secrets={"password": "wrong"})
    assert list(PublicNetwork().probe(endpoint, unknown))[-1].cause == "authentication"


def test_programs_built_without_tls_go_over_it_too(tls_server: Any, tmp_path: Path) -> None:
    endpoint = described(tls_server.route, tls={"root_cert": str(tls_server.root)})
    endpoint = replace(endpoint, access={**endpoint.access, "host": "localhost"})
    dump = next(folder / "pg_dump" for folder in embedded_folders() if "18" in folder.parent.name)
    with PublicNetwork().open(endpoint, context_of(tls_server.route, tmp_path)) as route:
        run_tool([dump, "--schema-only", f"--file={tmp_path / 'dump.sql'}"], route, "postgres")
        with connect(route) as connection:
            assert connection.execute("select ssl from pg_stat_ssl where pid = pg_backend_pid()").fetchone().ssl
    assert "PostgreSQL database dump complete" in (tmp_path / "dump.sql").read_text()
