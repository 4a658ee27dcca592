"""TLS against a real server: what every mode proves, and what is wrong told apart, for ourselves and for pg_dump."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from dtsrun.api import Endpoint, ProbeResult, SecretReference
from dtsrun.cli import main
from dtsrun.errors import AccessError, MigrationError
from dtsrun.postgres.installations import embedded_folders, installed_versions
from dtsrun.postgres.session import connect
from dtsrun.postgres.sqlstate import Reaction, reaction
from dtsrun.postgres.tools import find_tool, run_tool
from dtsrun.testing.fakes import FakeAccessContext, make_endpoint
from dtsrun_plugins.access.public_network import PublicNetwork

pytestmark = pytest.mark.matrix


def tls_versions() -> list[int]:
    return [v for v, folder in installed_versions().items() if b"SSL_CTX_new" in (folder / "postgres").read_bytes()]


def end(server: Any, account: str = "postgres", host: str = "localhost", **tls: Any) -> Endpoint:
    files = {"root_cert": str(server.root)} if tls.get("mode", "verify-full").startswith("verify") else {}
    return make_endpoint(
        "source",
        "public_network",
        access={"host": host, "port": int(server.route.parameters["port"]), "tls": {**files, **tls}},
        account=account,
        password=SecretReference(kind="env", value=account),
    )


def context(server: Any, folder: Path) -> FakeAccessContext:
    secrets = dict.fromkeys(("certified", "hashed", "nobody_in_clear"), "secret")
    secrets["postgres"] = server.route.parameters["password"]
    return FakeAccessContext(home=folder, spec_folder=server.folder, secrets=secrets)


def last(server: Any, folder: Path, **said: Any) -> ProbeResult:
    return list(PublicNetwork().probe(end(server, **said), context(server, folder)))[-1]


@pytest.mark.parametrize(
    ("mode", "shown", "passes"),
    [
        ("disable", "stranger", True),
        ("allow", "stranger", True),
        ("prefer", "expired", True),
        ("require", "stranger", True),
        ("require", "expired", True),
        ("verify-ca", "elsewhere", True),
        ("verify-ca", "expired", False),
        ("verify-ca", "stranger", False),
        ("verify-full", "good", True),
        ("verify-full", "elsewhere", False),
        ("verify-full", "stranger", False),
    ],
)
def test_every_mode_proves_what_it_says(tls_server: Any, tmp_path: Path, mode: str, shown: str, passes: bool) -> None:
    tls_server.show(shown)
    result = last(tls_server, tmp_path, mode=mode)
    assert result.status == ("ok" if passes else "failed")
    assert not passes or result.message.endswith("over TLS") == (mode not in {"disable", "allow"})


@pytest.mark.parametrize(
    ("shown", "cause", "remedy"),
    [
        ("expired", "tls_expired", "has expired: have it renewed"),
        ("early", "tls_expired", "not valid yet: check the clocks"),
        ("elsewhere", "tls_host", "connect by a name that the certificate has"),
        ("stranger", "tls_authority", "name the authority that signed it"),
        ("revoked", "tls_revoked", "was revoked"),
    ],
)
def test_what_is_wrong_with_a_certificate_is_told_apart(
    tls_server: Any, tmp_path: Path, shown: str, cause: str, remedy: str
) -> None:
    tls_server.show(shown)
    result = last(tls_server, tmp_path, crl="root.crl")
    assert (result.status, result.cause) == ("failed", cause)
    assert remedy in (result.hint or "")


@pytest.mark.parametrize("shown", ["expired", "elsewhere", "stranger", "revoked"])
def test_programs_that_are_spawned_prove_the_same(tls_server: Any, tmp_path: Path, shown: str) -> None:
    with PublicNetwork().open(end(tls_server, crl="root.crl"), context(tls_server, tmp_path)) as route:
        for dump in dumps(tls_server.version):
            run_tool([dump, "--schema-only", f"--file={tmp_path / 'dump.sql'}"], route, "postgres")
        assert "PostgreSQL database dump complete" in (tmp_path / "dump.sql").read_text()
        tls_server.show(shown)
        for dump in dumps(tls_server.version):
            with pytest.raises(MigrationError, match="pg_dump failed: .*certificate"):
                run_tool([dump, "--schema-only", f"--file={tmp_path / 'none.sql'}"], route, "postgres")
        with pytest.raises(psycopg.OperationalError) as caught:
            connect(route)
        assert reaction(caught.value) is Reaction.FAIL, "time does not heal a certificate"
    assert not (tmp_path / "none.sql").exists()


def dumps(version: int) -> list[Path]:
    """Return pg_dump of the embedded tools, which have no TLS of their own, and whichever would be chosen."""
    embedded = next(folder / "pg_dump" for folder in embedded_folders() if "18" in folder.parent.name)
    return list(dict.fromkeys([embedded, find_tool("pg_dump", at_least=version)]))


def test_a_folder_of_revocation_lists_serves_too(tls_server: Any, tmp_path: Path) -> None:
    import subprocess

    folder = tmp_path / "lists"
    folder.mkdir()
    asked = ["openssl", "crl", "-hash", "-noout", "-in", str(tls_server.folder / "root.crl")]
    try:
        name = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()
    except FileNotFoundError:
        pytest.skip("there is no openssl to name a list by its hash")
    (folder / f"{name}.r0").write_bytes((tls_server.folder / "root.crl").read_bytes())
    assert last(tls_server, tmp_path, crl=str(folder)).status == "ok"
    tls_server.show("revoked")
    assert last(tls_server, tmp_path, crl=str(folder)).cause == "tls_revoked"


def test_a_list_of_another_authority_does_not_pass(tls_server: Any, tmp_path: Path) -> None:
    result = last(tls_server, tmp_path, crl="other.crl")
    assert (result.status, result.cause) == ("failed", "tls")
    assert "no list of the authority" in (result.hint or "")


def test_a_client_certificate_lets_in_without_a_password(tls_server: Any, tmp_path: Path) -> None:
    endpoint = end(tls_server, account="certified", cert="certified.crt", key="certified.key")
    endpoint = replace(endpoint, password=None)
    result = list(PublicNetwork().probe(endpoint, context(tls_server, tmp_path)))[-1]
    assert (result.status, result.message.endswith("as certified over TLS")) == ("ok", True)
    with PublicNetwork().open(endpoint, context(tls_server, tmp_path)) as route:
        assert "password" not in route.parameters
        for dump in dumps(tls_server.version):
            run_tool([dump, "--schema-only", f"--file={tmp_path / 'dump.sql'}"], route, "postgres")


@pytest.mark.parametrize(
    ("files", "remedy"),
    [
        ({}, "set access.tls.cert and access.tls.key"),
        ({"cert": "late.crt", "key": "late.key"}, "our own certificate has expired"),
        ({"cert": "pretender.crt", "key": "pretender.key"}, "does not trust our own certificate"),
        ({"cert": "certified.crt", "key": "late.key"}, "that they belong together"),
    ],
)
def test_what_is_wrong_with_our_own_certificate_is_told_apart(
    tls_server: Any, tmp_path: Path, files: dict[str, str], remedy: str
) -> None:
    result = last(tls_server, tmp_path, account="certified", **files)
    assert (result.status, result.cause) == ("failed", "tls_client"), result.message
    assert remedy in (result.hint or ""), result.message


def test_a_key_that_others_can_read_is_refused(tls_server: Any, tmp_path: Path) -> None:
    open_key = tmp_path / "open.key"
    open_key.write_bytes((tls_server.folder / "certified.key").read_bytes())
    open_key.chmod(0o644)
    result = last(tls_server, tmp_path, account="certified", cert="certified.crt", key=str(open_key))
    assert (result.status, result.cause) == ("failed", "tls_client")
    assert "chmod 600" in (result.hint or "")


@pytest.mark.parametrize("passphrase", ["open sesame", "it's \\ a = 'phrase' #1"])
def test_a_key_may_be_locked_with_a_passphrase(tls_server: Any, tmp_path: Path, passphrase: str) -> None:
    locked = {"cert": "certified.crt", "key": str(lock(tls_server.folder / "certified.key", tmp_path, passphrase))}
    endpoint = replace(end(tls_server, account="certified", **locked, key_password={"env": "phrase"}), password=None)
    knowing = FakeAccessContext(home=tmp_path, spec_folder=tls_server.folder, secrets={"phrase": passphrase})
    assert list(PublicNetwork().probe(endpoint, knowing))[-1].status == "ok"
    with PublicNetwork().open(endpoint, knowing) as route:
        assert passphrase not in f"{route!r}"
        for dump in dumps(tls_server.version):
            run_tool([dump, "--schema-only", f"--file={tmp_path / 'dump.sql'}"], route, "postgres")
    wrong = replace(knowing, secrets={"phrase": "something else"})
    result = list(PublicNetwork().probe(endpoint, wrong))[-1]
    assert (result.status, result.cause) == ("failed", "tls_client"), result.message
    assert "access.tls.key_password" in (result.hint or "")
    assert "something else" not in f"{result}"


def lock(key: Path, folder: Path, passphrase: str) -> Path:
    """Return a copy of a key that is encrypted with a passphrase."""
    from cryptography.hazmat.primitives import serialization

    private = serialization.load_pem_private_key(key.read_bytes(), None)
    locked = folder / "locked.key"
    locked.touch(mode=0o600)
    locked.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(passphrase.encode()),
        )
    )
    return locked


def test_channel_binding_ties_the_password_to_the_connection(tls_server: Any, tmp_path: Path) -> None:
    if tls_server.version < 11:
        pytest.skip("channel binding came with version 11")
    assert last(tls_server, tmp_path, channel_binding="require").status == "ok"
    with PublicNetwork().open(end(tls_server, channel_binding="require"), context(tls_server, tmp_path)) as route:
        connect(route).close()
        for dump in dumps(tls_server.version):
            run_tool([dump, "--schema-only", f"--file={tmp_path / 'dump.sql'}"], route, "postgres")
    for without in (
        last(tls_server, tmp_path, account="hashed", channel_binding="require"),
        last(tls_server, tmp_path, mode="disable", channel_binding="require"),
    ):
        assert (without.status, without.cause) == ("failed", "channel_binding"), without.message
        assert "SCRAM" in (without.hint or "")


def test_an_account_that_is_let_in_over_tls_only_says_so(tls_server: Any, tmp_path: Path) -> None:
    result = last(tls_server, tmp_path, account="nobody_in_clear", mode="disable")
    assert (result.status, result.cause) == ("failed", "authentication")
    assert "over TLS only" in (result.hint or ""), result.message
    assert last(tls_server, tmp_path, account="nobody_in_clear").status == "ok"


def test_a_wrong_password_is_no_matter_of_tls(tls_server: Any, tmp_path: Path) -> None:
    wrong = replace(context(tls_server, tmp_path), secrets={"postgres": "wrong"})
    result = list(PublicNetwork().probe(end(tls_server), wrong))[-1]
    assert (result.status, result.cause) == ("failed", "authentication")


def test_a_missing_file_is_named_before_anything_is_sent(tls_server: Any, tmp_path: Path) -> None:
    with (
        pytest.raises(AccessError, match=r"access.tls.crl: there is no file .*/none.crl"),
        PublicNetwork().open(end(tls_server, crl="none.crl"), context(tls_server, tmp_path)),
    ):
        raise AssertionError


WHOLE = """\
dtsrun: 1
task: {{name: over-tls}}
source: {{type: postgresql, account: nobody_in_clear, password: {{file: password}}, access: {source}}}
target: {{type: postgresql, account: nobody_in_clear, password: {{file: password}}, access: {target}}}
migration: {{type: full, objects: {{databases: {{shop: {{}}}}}}}}
resources: {{copy: 2}}
"""


def test_a_whole_migration_goes_over_it(
    start_tls_server: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The servers let the account in over TLS only: a session of ours or of a program's without it would fail."""
    versions = [v for v in range(10, 19) if v in tls_versions()]
    if not versions:
        pytest.skip("no installed server was built with TLS")
    source, target = start_tls_server(versions[0], "moved"), start_tls_server(versions[-1], "arrived")
    with connect(source.route) as connection:
        connection.execute("create database shop")
    with connect(source.route, "shop") as connection:
        connection.execute("create table public.orders as select g as id from generate_series(1, 1000) g")
    ends = {
        name: {
            "type": "public_network",
            "host": "localhost",
            "port": int(server.route.parameters["port"]),
            "tls": {"root_cert": str(server.root), "crl": str(server.folder / "root.crl")},
        }
        for name, server in (("source", source), ("target", target))
    }
    (tmp_path / "password").write_text("secret")
    (tmp_path / "spec.yaml").write_text(WHOLE.format(**{name: json.dumps(end) for name, end in ends.items()}))
    monkeypatch.setenv("DTSRUN_HOME", str(tmp_path / "home"))
    assert main([str(tmp_path / "spec.yaml"), "--yes", "--quiet"]) == 0
    with connect(target.route, "shop") as connection:
        assert connection.execute("select count(*) as n from public.orders").fetchone().n == 1000


@pytest.mark.parametrize("version", range(10, 19))
def test_servers_of_every_version_speak_it(version: int, start_tls_server: Callable[..., Any], tmp_path: Path) -> None:
    server = start_tls_server(version)
    binding = {"channel_binding": "require"} if version >= 11 else {}
    assert last(server, tmp_path, **binding).message.endswith("over TLS")
    server.show("stranger")
    assert last(server, tmp_path).cause == "tls_authority"
