"""The target's server pulls over TLS, and proves with files of its own whom it talks to."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg import sql
from runs import LINK_SETTINGS, Bench, is_message

from dtsrun.errors import AccessError
from dtsrun.postgres.accounts import server_account
from dtsrun.postgres.server import PrivateServer
from dtsrun.testing.certificates import Authority

SEED = """
create table public.item (id int primary key, note text);
insert into public.item select n, 'first' from generate_series(1, 1000) n;
"""


@pytest.fixture
def bench(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("servers")
    monkeypatch.setenv("HOME", str(folder))  # libpq in the servers looks for certificates there
    for above in (folder, *folder.parents[:3]):
        above.chmod(above.stat().st_mode | 0o011)
    authority = Authority()
    issued = authority.issue("localhost")
    for name, content in {
        "server.crt": issued.certificate,
        "server.key": issued.key,
        "root.crt": authority.certificate,
        "other.crt": Authority("other").certificate,
    }.items():
        (folder / name).write_bytes(content)
        (folder / name).chmod(0o600 if name == "server.key" else 0o644)
        server_account().own(folder / name)
    tls = {"ssl": "on", "ssl_cert_file": str(folder / "server.crt"), "ssl_key_file": str(folder / "server.key")}
    try:
        source = PrivateServer(folder / "source", 16, settings={**LINK_SETTINGS, **tls})
        target = PrivateServer(folder / "target", 18, settings=LINK_SETTINGS)
    except AccessError as error:
        pytest.skip(error.message)
    opened = Bench(source, target, tmp_path)
    try:
        source.start()
        target.start()
        opened.on_source(None, sql.SQL("create database shop"))
        opened.on_source("shop", SEED)
        yield opened
    finally:
        opened.close()
        source.destroy()
        target.destroy()


def verified(bench: Bench, **peer: str) -> Path:
    """Write a spec whose source is reached by name, over TLS that is proved."""
    source = bench.endpoint(bench.source)
    files = bench.source.folder.parent
    access = {
        **source["access"],
        "host": "localhost",
        "tls": {"mode": "verify-full", "root_cert": str(files / "root.crt")},
        "peer": {"host": "localhost", **{key: str(files / name) for key, name in peer.items()}},
    }
    ends = {"source": {**source, "access": access}, "target": bench.endpoint(bench.target)}
    return bench.spec(**ends, migration={"type": "full_incremental", "stages": {"complete": {"fence": "none"}}})


@pytest.mark.matrix
@pytest.mark.parametrize("peer", [{}, {"root_cert": "other.crt"}], ids=["no authority", "another authority"])
def test_whom_the_target_cannot_prove_is_told_before_a_row_is_copied(bench: Bench, peer: dict[str, str]) -> None:
    done = bench.run(verified(bench, **peer), "--yes")
    assert done.code == 6, done.said
    assert "the target's server cannot log in to the source" in done.said
    assert "certificate" in done.said
    assert "source.access.peer.root_cert" in done.said, done.said
    assert bench.leftovers() == {}


@pytest.mark.matrix
def test_changes_come_over_a_line_that_is_proved(bench: Bench) -> None:
    running = bench.start(verified(bench, root_cert="root.crt"), "--yes")
    assert running.wait_for(is_message("syncing")), running.end().said
    [walsender] = bench.on_source(
        None,
        "select s.ssl from pg_stat_replication r join pg_stat_ssl s using (pid) where r.application_name ~ 'dtsrun'",
    )
    assert walsender.ssl
    bench.on_source("shop", "update public.item set note = 'second' where id % 2 = 0")
    bench.completes(running)
