"""`ssh`: through jump hosts, whose keys are known."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from dtsrun.api import Endpoint, Route, SecretReference
from dtsrun.errors import AccessError, UnreachableError
from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import AccessTypeContract
from dtsrun.testing.fakes import FakeAccessContext, make_endpoint
from dtsrun.testing.servers import socket_folder
from dtsrun.testing.ssh import SshServer, make_key
from dtsrun_plugins.access.ssh import Ssh

SSH_MISSING = shutil.which("ssh") is None


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Private keys: one that the jump host lets in, one with the passphrase `open sesame`, one that nobody knows."""
    folder = tmp_path_factory.mktemp("keys")
    if SSH_MISSING:
        pytest.skip("no OpenSSH client is installed (package openssh-client)")
    locked = make_key(folder / "it's locked", "open sesame")
    return {"good": make_key(folder / "good"), "locked": locked, "stranger": make_key(folder / "stranger")}


@pytest.fixture
def start_server(keys: dict[str, Path], tmp_path: Path) -> Iterator[Callable[..., SshServer]]:
    """Start SSH servers."""
    started: list[SshServer] = []

    def start(**options: str) -> SshServer:
        started.append(SshServer(tmp_path / f"sshd{len(started)}", keys["good"], keys["locked"], **options).start())
        return started[-1]

    yield start
    for server in started:
        server.kill()


@pytest.fixture
def server(start_server: Callable[..., SshServer]) -> SshServer:
    """A jump host."""
    return start_server()


@pytest.fixture
def context(tmp_path: Path, source_route: Route) -> FakeAccessContext:
    secrets = {"password": source_route.parameters["password"], "right": "open sesame", "wrong": "open barley"}
    return FakeAccessContext(home=tmp_path, spec_folder=tmp_path, secrets=secrets)


@pytest.fixture
def through(source_route: Route) -> Callable[..., Endpoint]:
    """Make the endpoint of the server 16 behind jump hosts."""

    def make(jump: Any, **access: Any) -> Endpoint:
        server = {"host": source_route.parameters["host"], "port": int(source_route.parameters["port"])}
        return make_endpoint(
            access={"type": "ssh", **server, "jump": jump, **access},
            account="postgres",
            password=SecretReference(kind="env", value="password"),
        )

    return make


class TestSsh(AccessTypeContract):
    """What every access type keeps."""

    plugin = Ssh

    @pytest.fixture
    def endpoint(self, through: Callable[..., Endpoint], server: SshServer, keys: dict[str, Path]) -> Endpoint:
        """The server 16 behind a jump host."""
        return through(server.jump(keys["good"]))

    @pytest.fixture
    def access_context(self, context: FakeAccessContext) -> FakeAccessContext:
        """With the account's password."""
        return context


def one(route: Route) -> int:
    with connect(route) as connection:
        row = connection.execute("select 1 as one").fetchone()
        assert row is not None
        return int(row.one)


# --- the way there ---------------------------------------------------------------------------------------------


def test_a_chain_leads_through_every_host(start_server, through, context, keys) -> None:
    near, far = start_server(), start_server()
    with Ssh().open(through([near.jump(keys["good"]), far.jump(keys["good"])]), context) as route:
        assert one(route) == 1
        assert "Accepted publickey" in near.log and "Accepted publickey" in far.log
        assert f"{near.port} and" in route.description and str(far.port) in route.description


def test_a_socket_at_the_far_end(server, through, context, keys, source_route) -> None:
    folder = socket_folder(source_route)
    endpoint = through(server.jump(keys["good"]))
    access = {**endpoint.access, "socket": folder}
    del access["host"]
    moved = make_endpoint(access=access, account=endpoint.account, password=endpoint.password)
    with Ssh().open(moved, context) as route:
        assert one(route) == 1


def test_the_near_end_is_for_nobody_else(server, through, context, keys) -> None:
    with Ssh().open(through(server.jump(keys["good"])), context) as route:
        folder = Path(route.parameters["host"])
        assert folder.stat().st_mode & 0o777 == 0o700
        assert not {"hostaddr", "sslmode"} & set(route.parameters)
    assert not folder.exists()


def test_with_tls_the_servers_name_is_what_is_verified(server, through, context, keys, tls_server) -> None:
    port = int(tls_server.route.parameters["port"])
    secrets = {"password": tls_server.route.parameters["password"]}
    context = FakeAccessContext(home=context.home, spec_folder=context.spec_folder, secrets=secrets)
    tls = {"mode": "verify-full", "root_cert": str(tls_server.root)}
    endpoint = through(server.jump(keys["good"]), host="localhost", port=port, tls=tls)
    with Ssh().open(endpoint, context) as route:
        assert (route.parameters["host"], route.parameters["hostaddr"]) == ("localhost", "127.0.0.1")
        with connect(route) as connection:
            assert connection.pgconn.ssl_in_use
    elsewhere = through(server.jump(keys["good"]), host="127.0.0.1", port=port, tls=tls)
    last = list(Ssh().probe(elsewhere, context))[-1]
    assert (last.status, last.cause) == ("failed", "tls_host")


def test_the_other_server_is_told_only_what_the_user_knows(server, through, context, keys) -> None:
    with Ssh().open(through(server.jump(keys["good"])), context) as route:
        assert route.peer is None
    with Ssh().open(through(server.jump(keys["good"]), peer={"host": "10.9.9.9"}), context) as route:
        assert route.peer is not None
        assert (route.peer["host"], route.peer["user"]) == ("10.9.9.9", "postgres")


# --- host keys -------------------------------------------------------------------------------------------------


def refusal(endpoint: Endpoint, context: FakeAccessContext) -> AccessError:
    with pytest.raises(AccessError) as caught, Ssh().open(endpoint, context):
        pass
    return caught.value


def test_an_unknown_host_key_is_shown_never_taken(server, through, context, keys) -> None:
    server.known_hosts.write_text("")
    error = refusal(through(server.jump(keys["good"])), context)
    assert "is not known" in error.message and server.fingerprint in error.message
    assert f"ssh-keyscan -p {server.port} 127.0.0.1 >> {server.known_hosts}" in str(error.hint)
    assert not isinstance(error, UnreachableError)
    assert server.known_hosts.read_text() == ""
    assert "Accepted" not in server.log


def test_a_changed_host_key_is_an_alarm(server, through, context, keys) -> None:
    server.know(keys["stranger"])
    error = refusal(through(server.jump(keys["good"])), context)
    assert "HAS CHANGED" in error.message and server.fingerprint in error.message
    assert f"{server.known_hosts}:1" in error.message
    assert not isinstance(error, UnreachableError)


def test_the_second_host_of_a_chain_is_checked_too(start_server, through, context, keys) -> None:
    near, far = start_server(), start_server()
    far.know(keys["stranger"])
    error = refusal(through([near.jump(keys["good"]), far.jump(keys["good"])]), context)
    assert f"KEY OF [127.0.0.1]:{far.port} HAS CHANGED" in error.message


# --- our own keys ----------------------------------------------------------------------------------------------


def test_a_key_that_is_not_let_in(server, through, context, keys) -> None:
    error = refusal(through(server.jump(keys["stranger"])), context)
    assert f"does not let us in with the key {keys['stranger']}" in error.message
    assert not isinstance(error, UnreachableError)


def test_a_passphrase_opens_its_key(server, through, context, keys) -> None:
    jump = server.jump(keys["locked"], passphrase={"env": "right"})
    with Ssh().open(through(jump), context) as route:
        assert one(route) == 1
        arguments = subprocess.run(["ps", "-ewwo", "args"], check=True, capture_output=True, text=True).stdout
        assert "ssh -F" in arguments
        assert "sesame" not in arguments
        left = [path for path in Path(route.parameters["host"]).iterdir() if path.is_file()]
        assert left
        assert not any("sesame" in path.read_text() for path in left)


@pytest.mark.parametrize(
    ("passphrase", "message"),
    [({"passphrase": {"env": "wrong"}}, "does not open"), ({}, "has a passphrase")],
)
def test_a_wrong_passphrase_is_told_from_a_key_that_is_not_let_in(
    server, through, context, keys, passphrase, message
) -> None:
    error = refusal(through(server.jump(keys["locked"], **passphrase)), context)
    assert message in error.message and str(keys["locked"]) in error.message
    assert "barley" not in f"{error}{error.hint}"


def test_an_agents_key_serves(server, through, context, keys, monkeypatch) -> None:
    monkeypatch.setenv("HOME", str(context.home))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    without = refusal(through(server.jump(None)), context)
    assert "does not let us in with any key of the agent" in without.message
    place = context.home / "agent"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", place], stdout=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 10
        while not place.exists() and time.monotonic() < until:
            time.sleep(0.02)
        monkeypatch.setenv("SSH_AUTH_SOCK", str(place))
        subprocess.run(["ssh-add", "-q", keys["good"]], check=True)
        with Ssh().open(through(server.jump(None)), context) as route:
            assert one(route) == 1
    finally:
        agent.kill()
        agent.wait()


# --- what does not answer --------------------------------------------------------------------------------------


def test_a_jump_host_that_is_away_may_come_back(server, through, context, keys) -> None:
    server.kill()
    error = refusal(through(server.jump(keys["good"])), context)
    assert isinstance(error, UnreachableError)
    assert "Connection refused" in error.message and str(server.port) in error.message


def test_a_server_that_the_jump_host_does_not_reach(server, through, context, keys) -> None:
    error = refusal(through(server.jump(keys["good"]), host="127.0.0.1", port=1), context)
    assert isinstance(error, UnreachableError)
    assert "does not reach 127.0.0.1:1: Connection refused" in error.message


def test_a_jump_host_that_forbids_it(start_server, through, context, keys) -> None:
    server = start_server(rules="AllowTcpForwarding no")
    error = refusal(through(server.jump(keys["good"])), context)
    assert "forbids the way" in error.message
    assert not isinstance(error, UnreachableError)


def test_a_file_that_is_not_there(server, through, context, keys) -> None:
    error = refusal(through({**server.jump(None), "key": "no_such"}), context)
    assert f"access.jump.key: there is no file {context.spec_folder}/no_such" in error.message


# --- a tunnel that breaks --------------------------------------------------------------------------------------


def test_it_comes_back_by_itself(server, through, context, keys) -> None:
    with Ssh().open(through(server.jump(keys["good"])), context) as route:
        broken = connect(route)
        server.kill()
        with pytest.raises(psycopg.OperationalError):
            broken.execute("select 1")
        with pytest.raises(psycopg.OperationalError):
            connect(route)
        server.start()
        assert eventually_one(route) == 1


def test_a_server_that_falls_silent_behind_the_jump_host_is_noticed(server, through, context, keys) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        answering = threading.Thread(target=answer_once, args=(silent,))
        answering.start()
        access = {"host": "127.0.0.1", "port": silent.getsockname()[1], "alive": {"interval": 1, "count": 1}}
        with Ssh().open(through(server.jump(keys["good"]), **access), context) as route:
            answering.join()
            with socket.socket(socket.AF_UNIX) as reader:
                reader.settimeout(30)
                reader.connect(f"{route.parameters['host']}/.s.PGSQL.5432")
                assert reader.recv(1) == b"", "who only reads learns that nothing more will come"


def answer_once(listening: socket.socket) -> None:
    """Answer the first question whether there is TLS; whoever asks later finds the line dead."""
    connection, _ = listening.accept()
    with connection:
        connection.recv(8)
        connection.sendall(b"N")


def test_it_ends_when_we_are_killed(server, through, context, keys) -> None:
    pid = os.fork()
    if pid == 0:
        opened = Ssh().open(through(server.jump(keys["good"])), context)
        route = opened.__enter__()
        (context.home / "near").write_text(route.parameters["host"])
        os.kill(os.getpid(), 9)
    os.waitpid(pid, 0)
    folder = (context.home / "near").read_text()
    assert folder
    until = time.monotonic() + 5
    while Path(folder).exists() or folder in running():
        assert time.monotonic() < until, "the tunnel outlives its owner"
        time.sleep(0.05)


def running() -> str:
    return subprocess.run(["ps", "-ewwo", "args"], check=True, capture_output=True, text=True).stdout


def eventually_one(route: Route, seconds: float = 15) -> int:
    until = time.monotonic() + seconds
    while True:
        try:
            return one(route)
        except psycopg.OperationalError:
            assert time.monotonic() < until, "the tunnel does not come back"
            time.sleep(0.1)


# --- the spec --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("access", "right"),
    [
        ({"host": "db", "jump": {"host": "j"}}, True),
        ({"host": "db", "jump": [{"host": "j"}, {"host": "k", "port": 2222}]}, True),
        ({"socket": "/run/postgresql", "jump": {"host": "j"}}, True),
        ({"host": "db"}, False),
        ({"jump": {"host": "j"}}, False),
        ({"host": "db", "jump": []}, False),
        ({"host": "db", "jump": {"host": "-oProxyCommand=x"}}, False),
        ({"host": "db", "jump": {"host": "j", "user": "a b"}}, False),
        ({"host": "db", "jump": {"host": "j", "key": 'a"b'}}, False),
        ({"host": "db", "jump": {"host": "j", "pass": "x"}}, False),
        ({"socket": "/run/postgresql", "tls": {"mode": "require"}, "jump": {"host": "j"}}, False),
    ],
)
def test_what_a_spec_may_say(access: dict[str, Any], right: bool) -> None:
    options = {**Ssh.options, "$defs": {"secret_reference": {"type": "object"}}}
    assert jsonschema.Draft202012Validator(options).is_valid(access) is right


def test_the_route_of_a_password_names_none_in_arguments(server, through, context, keys) -> None:
    with Ssh().open(through(server.jump(keys["good"])), context) as route:
        password = conninfo_to_dict(route.conninfo())["password"]
        assert str(password) not in running()


def test_a_long_folder_for_temporary_files_is_no_obstacle(
    server, through, context, keys, tmp_path, monkeypatch
) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    with Ssh().open(through(server.jump(keys["good"])), context) as route:
        assert one(route) == 1
        assert not route.parameters["host"].startswith(str(long))
