"""A private server survives what happens to it and to us, and lets nobody else in."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from dtsrun.errors import AccessError
from dtsrun.postgres.accounts import server_account, system_folder
from dtsrun.postgres.server import PrivateServer
from dtsrun.postgres.session import connect
from dtsrun.testing.servers import THROWAWAY

VERSION = 18


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    yield Path(tempfile.mkdtemp(prefix="dtsrun-"))


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[PrivateServer]:
    """One server for the tests that leave it as they found it: running, with a table `kept`."""
    # It will be killed: what is committed has to have left its memory by then.
    made = PrivateServer(folder, VERSION, settings={**THROWAWAY, "synchronous_commit": "on"})
    made.start()
    with connect(made.route) as connection:
        connection.execute("create table public.kept as select 42 as answer")
    yield made
    made.destroy()


def answer(server: PrivateServer) -> int:
    with connect(server.route) as connection:
        return connection.execute("select answer from public.kept").fetchone().answer


def is_alive(pid: int) -> bool:
    """What nobody collected, in a container without an init process, is not alive."""
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def postmaster(server: PrivateServer) -> int:
    return int((server.folder / "data" / "postmaster.pid").read_text().split("\n")[0])


def test_it_is_of_the_asked_version_and_ready_for_logical_replication(server: PrivateServer) -> None:
    with connect(server.route) as connection:
        assert connection.info.server_version // 10000 == VERSION
        settings = dict(
            connection.execute(
                "select name, setting from pg_settings where name in ('wal_level', 'server_encoding', 'lc_collate')"
            ).fetchall()
        )
    assert settings["wal_level"] == "logical"
    assert settings["server_encoding"] == "UTF8"


def test_data_are_safe_unless_asked_otherwise(tmp_path: Path) -> None:
    assert "fsync" not in PrivateServer(tmp_path, VERSION)._settings


def test_nobody_gets_in_without_the_password(server: PrivateServer) -> None:
    for host in ("127.0.0.1", str(server.folder)):
        parameters = {**server.route.parameters, "host": host}
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(**{**parameters, "password": "guess"})
        del parameters["password"]
        with pytest.raises(psycopg.OperationalError, match="no password supplied"):
            psycopg.connect(**parameters, passfile="/nonexistent")


def test_password_and_data_are_private(server: PrivateServer) -> None:
    for name in ("password", "data"):
        assert stat.S_IMODE((server.folder / name).stat().st_mode) & 0o077 == 0


def test_its_route_keeps_the_password_to_itself(server: PrivateServer) -> None:
    password = server.route.parameters["password"]
    assert len(password) > 20
    assert password not in repr(server.route)
    assert password not in server.psql


def test_it_never_runs_as_root(server: PrivateServer) -> None:
    assert Path(f"/proc/{postmaster(server)}").stat().st_uid == server_account().uid != 0


def test_starting_it_twice_is_the_same_server(server: PrivateServer, folder: Path) -> None:
    before = postmaster(server)
    again = PrivateServer(folder, VERSION, settings=THROWAWAY)
    again.start()
    assert postmaster(again) == before
    assert answer(again) == 42


def test_it_keeps_its_port_from_start_to_start(server: PrivateServer) -> None:
    port = server.route.parameters["port"]
    server.stop()
    assert not server.is_running
    server.start()
    assert server.route.parameters["port"] == port
    assert answer(server) == 42


def test_it_comes_back_after_its_postmaster_was_killed(server: PrivateServer) -> None:
    os.kill(postmaster(server), signal.SIGKILL)
    server.start()
    assert answer(server) == 42


def test_a_process_that_inherited_the_number_is_not_taken_for_it(server: PrivateServer) -> None:
    server.stop()
    with subprocess.Popen(["sleep", "60"], **server_account().process_options()) as other:
        lock = server.folder / "data" / "postmaster.pid"
        lock.write_text(f"{other.pid}\n{server.folder / 'data'}\n{int(time.time())}\n5432\n\n\n\n\n")
        os.chown(lock, server_account().uid, server_account().gid)
        assert not server.is_running
        server.start()
        other.kill()
    assert answer(server) == 42


def test_it_takes_another_port_when_its_own_is_taken(server: PrivateServer) -> None:
    server.stop()
    import socket

    with socket.socket() as intruder:
        intruder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        intruder.bind(("127.0.0.1", int((server.folder / "port").read_text())))
        intruder.listen()
        server.start()
        assert server.route.parameters["port"] != str(intruder.getsockname()[1])
    assert answer(server) == 42


def test_a_process_that_starts_it_may_die_with_its_pipes_closed(server: PrivateServer, folder: Path) -> None:
    server.stop()
    program = f"""
from pathlib import Path
from dtsrun.postgres.server import PrivateServer
PrivateServer(Path({str(folder)!r}), {VERSION}, settings={{"fsync": "off"}}).start()
print("started")
"""
    # Returns only when nobody holds the pipes any more.
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert (done.stdout, done.stderr) == ("started\n", "")
    assert answer(server) == 42


def test_whoever_leaves_last_stops_it(server: PrivateServer, folder: Path) -> None:
    other = PrivateServer(folder, VERSION, settings=THROWAWAY)
    with server.in_use(stop=True):
        with other.in_use(stop=True):
            assert other.is_running
        assert server.is_running
    assert not server.is_running
    server.start()


def test_another_version_is_refused_where_one_lives(server: PrivateServer, folder: Path) -> None:
    server.stop()
    with pytest.raises(AccessError, match="is of version 18, and version 16 is asked for"):
        PrivateServer(folder, 16).start()
    server.start()


def test_a_setting_that_it_does_not_know_is_shown_by_its_log(server: PrivateServer, folder: Path) -> None:
    server.stop()
    with pytest.raises(AccessError, match="does not start") as caught:
        PrivateServer(folder, VERSION, settings={"no_such_setting": "it's"}).start()
    assert 'unrecognized configuration parameter "no_such_setting"' in (caught.value.hint or "")
    server.start()


def test_a_route_is_only_to_be_had_while_it_runs(tmp_path: Path) -> None:
    with pytest.raises(AccessError, match="does not run"):
        _ = PrivateServer(tmp_path, VERSION).route


def test_a_version_that_is_not_there_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(AccessError, match="no server of PostgreSQL 9 is on this machine") as caught:
        PrivateServer(tmp_path, 9)
    assert "dtsrun[embedded]" in (caught.value.hint or "")


def test_a_long_folder_has_its_socket_elsewhere() -> None:
    folder = Path(tempfile.mkdtemp(prefix="dtsrun-"))
    folder.chmod(0o755)
    server = PrivateServer(folder / ("long" * 30), VERSION, settings=THROWAWAY)
    server.start()
    sockets = Path(server._state()["socket"])
    try:
        assert len(str(sockets)) < 60
        with psycopg.connect(**{**server.route.parameters, "host": str(sockets)}) as connection:
            assert connection.execute("select 1").fetchone() == (1,)
    finally:
        server.destroy()
        folder.rmdir()
    assert not sockets.exists()


def test_destroying_removes_all_that_it_made_and_nothing_else() -> None:
    folder = Path(tempfile.mkdtemp(prefix="dtsrun-"))
    server = PrivateServer(folder, VERSION, settings=THROWAWAY)
    server.start()
    pid = postmaster(server)
    (folder / "notes.txt").write_text("mine")
    server.destroy()
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]
    assert not is_alive(pid)
    (folder / "notes.txt").unlink()
    server.destroy()
    assert not folder.exists()


def test_a_killed_server_is_removed_with_its_socket() -> None:
    server = PrivateServer(Path(tempfile.mkdtemp(prefix="dtsrun-")), VERSION, settings=THROWAWAY)
    server.start()
    pid = postmaster(server)
    os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + 10
    while is_alive(pid) and time.monotonic() < until:
        time.sleep(0.02)
    server.destroy()
    assert not server.folder.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands servers to another account")
def test_a_folder_that_the_account_cannot_reach_moves_to_one_that_it_can(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    server = PrivateServer(closed / "server", VERSION)
    assert server.folder.is_relative_to(system_folder())
    assert server.folder == PrivateServer(closed / "server", VERSION).folder
    assert server.folder != PrivateServer(closed / "other" / "server", VERSION).folder
    server.start()
    assert answer_of(server) == 1
    server.destroy()
    assert not server.folder.exists()


def answer_of(server: PrivateServer) -> int:
    with connect(server.route) as connection:
        return connection.execute("select 1 as one").fetchone().one


@pytest.mark.matrix
@pytest.mark.parametrize("version", range(10, 19))
def test_every_version_starts(version: int, postgres_server) -> None:
    with connect(postgres_server(version)) as connection:
        assert connection.info.server_version // 10000 == version
