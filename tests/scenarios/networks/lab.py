"""A network of our own: namespaces joined by a router, servers in them, and what can go wrong between.

    runner   10.77.1.2 --+
    source   10.77.2.2 --+-- router (10.77.x.1)
    target   10.77.3.2 --+
    jump     10.77.4.2 --+

A thread can live in a namespace of its own, with all processes that it starts: `Place.do` runs a function there.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest
import yaml
from compare_ends import differences
from psycopg import sql
from psycopg.conninfo import make_conninfo
from runs import LINK_SETTINGS, Bench, Done, Running, execute, wipe

from dtsrun.postgres.installations import installed_versions
from dtsrun.postgres.server import PrivateServer
from dtsrun.testing.certificates import Authority, versions_that_encrypt
from dtsrun.testing.ssh import SshServer, make_key

NETWORKS: Final = {"runner": 1, "source": 2, "target": 3, "jump": 4}
PORT: Final = 5432
CLONE_NEWNET: Final = 0x40000000
TARGET_VERSION: Final = 18
IMPATIENT: Final[Mapping[str, Any]] = {"connect_timeout": 2, "keepalives": {"idle": 1, "interval": 1, "count": 3}}
"""A line whose silence is noticed within seconds."""
REGION: Final = "ap-guangzhou"
NETWORK: Final = {"vpc": "vpc-1", "subnet": "subnet-1"}

T = TypeVar("T")


def call(*command: str | Path, text: str | None = None) -> str:
    """Run a program that must succeed, and return what it said."""
    done = subprocess.run(list(map(str, command)), input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(map(str, command))}: {done.stderr}"
    return done.stdout


def need(*programs: str) -> None:
    """Skip the test where a program is not installed."""
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"networks: the program {program} is not installed")


def why_not() -> str | None:
    """Return why no network can be made here; None where one can."""
    if os.environ.get("DTSRUN_NETWORKS", "") in {"", "0"}:
        return "networks: not asked for (tox -e networks)"
    if os.geteuid() != 0:
        return "networks: only root can make network namespaces"
    if shutil.which("ip") is None:
        return "networks: the program ip is not installed (package iproute2)"
    tried = subprocess.run(["ip", "netns", "add", f"dtsrun-{os.getpid()}"], capture_output=True, text=True, check=False)
    if tried.returncode:
        return f"networks: this machine gives no network namespaces: {tried.stderr.strip()}"
    call("ip", "netns", "delete", f"dtsrun-{os.getpid()}")
    return None


class Place:
    """A network namespace, and a thread that lives in it."""

    def __init__(self, name: str) -> None:
        self.name = f"dtsrun-{name}-{os.getpid()}"
        call("ip", "netns", "add", self.name)
        self.ip("link", "set", "lo", "up")
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=self.name, initializer=self._enter)

    def ip(self, *arguments: str) -> str:
        """Run `ip` in here."""
        return call("ip", "-n", self.name, *arguments)

    def call(self, *command: str | Path) -> str:
        """Run a program in here that must succeed."""
        return self.do(call, *command)

    def do(self, function: Callable[..., T], *values: Any, **named: Any) -> T:
        """Run a function in here and return what it returns."""
        return self._thread.submit(function, *values, **named).result()

    def close(self) -> None:
        """Remove it; what runs in it must have ended."""
        self._thread.shutdown()
        call("ip", "netns", "delete", self.name)

    def _enter(self) -> None:
        with Path(f"/run/netns/{self.name}").open("rb") as namespace:
            library = ctypes.CDLL(None, use_errno=True)
            if library.setns(namespace.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")


class Lab:
    """The places, the router between them, and the servers."""

    def __init__(self, stack: ExitStack) -> None:
        self.router = self._place("router", stack)
        self.router.call("sysctl", "-q", "-w", "net.ipv4.ip_forward=1")
        self.places = {name: self._place(name, stack) for name in NETWORKS}
        for name, number in NETWORKS.items():
            self._join(name, number)
        self.authority = Authority("lab")
        self.folder = Path(tempfile.mkdtemp(prefix="dtsrun-lab-"))
        self.folder.chmod(0o755)
        stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        encrypting = [version for version in versions_that_encrypt() if version < TARGET_VERSION]
        self.has_tls = bool(encrypting)
        self.source = self._server("source", (encrypting or [16])[-1], stack, tls=self.has_tls)
        self.target = self._server("target", TARGET_VERSION, stack, tls=False)

    def address(self, name: str) -> str:
        """Return a place's address."""
        return f"10.77.{NETWORKS[name]}.2"

    def conninfo(self, name: str) -> str:
        """Return how a server is reached from another place."""
        server = {"source": self.source, "target": self.target}[name]
        return make_conninfo(self.places[name].do(lambda: server.route.conninfo()), host=self.address(name))

    # --- what goes wrong ---------------------------------------------------------------------------------------

    @contextmanager
    def cut(self, name: str) -> Iterator[None]:
        """Take a place's line down; nobody is told."""
        self.router.ip("link", "set", self._line(name), "down")
        try:
            yield
        finally:
            self.router.ip("link", "set", self._line(name), "up")

    def reset(self, name: str) -> None:
        """Break all connections to a place's server with a reset."""
        self.places[name].call("ss", "-K", "sport", "=", f":{PORT}")

    @contextmanager
    def slow(self, name: str, rate: str) -> Iterator[None]:
        """Let a line carry no more than a rate towards a place."""
        line = ("dev", self._line(name), "root")
        self.router.call("tc", "qdisc", "add", *line, "tbf", "rate", rate, "burst", "64kb", "latency", "200ms")
        try:
            yield
        finally:
            self.router.call("tc", "qdisc", "del", *line)

    @contextmanager
    def forwarding_rule(self, *rule: str) -> Iterator[None]:
        """Let the router keep a rule of iptables for what it forwards."""
        self.router.call("iptables", "-w", "-I", "FORWARD", *rule)
        try:
            yield
        finally:
            self.router.call("iptables", "-w", "-D", "FORWARD", *rule)

    def lossy(self) -> Any:
        """Let the router lose one packet of fifty."""
        return self.forwarding_rule("-m", "statistic", "--mode", "random", "--probability", "0.02", "-j", "DROP")

    def packets_lost(self) -> int:
        """Return how many packets the newest rule took."""
        return int(self.router.call("iptables", "-w", "-vxnL", "FORWARD").splitlines()[2].split()[0])

    def forbidden(self, start: str, end: str) -> Any:
        """Let the router drop the database connections from one place to another."""
        addresses = ("-s", self.address(start), "-d", self.address(end))
        return self.forwarding_rule(*addresses, "-p", "tcp", "--dport", str(PORT), "-j", "DROP")

    # --- how it is made ----------------------------------------------------------------------------------------

    def _place(self, name: str, stack: ExitStack) -> Place:
        place = Place(name)
        stack.callback(place.close)
        return place

    def _line(self, name: str) -> str:
        return f"to-{name}"

    def _join(self, name: str, number: int) -> None:
        place, line = self.places[name], self._line(name)
        self.router.ip("link", "add", line, "type", "veth", "peer", "name", "eth0", "netns", place.name)
        self.router.ip("address", "add", f"10.77.{number}.1/24", "dev", line)
        self.router.ip("link", "set", line, "up")
        place.ip("address", "add", f"{self.address(name)}/24", "dev", "eth0")
        place.ip("link", "set", "eth0", "up")
        place.ip("route", "add", "default", "via", f"10.77.{number}.1")

    def _server(self, name: str, version: int, stack: ExitStack, *, tls: bool) -> PrivateServer:
        if version not in installed_versions():
            pytest.skip(f"networks: no server of PostgreSQL {version} is installed")
        settings: dict[str, str] = {**LINK_SETTINGS, "listen_addresses": "*"}
        if tls:
            settings |= self._certificate(name)
        server = PrivateServer(self.folder / name, version, port=PORT, settings=settings)
        place = self.places[name]
        stack.callback(place.do, server.destroy)
        place.do(server.start)
        rules = server.folder / "data" / "pg_hba.conf"
        rules.write_text(f"{rules.read_text()}\nhost all all 10.0.0.0/8 scram-sha-256\n")
        place.do(execute, server.route, None, "select pg_reload_conf()")
        return server

    def _certificate(self, name: str) -> Mapping[str, str]:
        from dtsrun.postgres.accounts import server_account

        issued = self.authority.issue(self.address(name))
        certificate, key = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        certificate.write_bytes(issued.certificate)
        key.touch(mode=0o600)
        key.write_bytes(issued.key)
        account: Any = server_account()
        os.chown(key, account.uid, account.gid)
        return {"ssl": "on", "ssl_cert_file": str(certificate), "ssl_key_file": str(key)}


class LabBench(Bench):
    """A bench whose command runs in the place `runner`, and whose servers are elsewhere."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        super().__init__(lab.source, lab.target, folder)
        self.lab = lab
        self.password = {
            side: lab.places[side].do(lambda s=server: s.route.parameters["password"])
            for side, server in (("source", lab.source), ("target", lab.target))
        }

    def way(self, side: str, access: Mapping[str, Any]) -> dict[str, Any]:
        """Return an end of a spec that is reached in a way."""
        password = {"env": f"LAB_{side.upper()}"}
        return {"type": "postgresql", "access": dict(access), "account": "postgres", "password": password}

    def direct(self, side: str, **access: Any) -> dict[str, Any]:
        """Return an end behind a dedicated line whose silence is noticed within seconds."""
        where = {"host": self.lab.address(side), "port": PORT}
        return self.way(side, {"type": "direct_connect", "gateway": "dcg-1", **NETWORK, **where, **IMPATIENT, **access})

    def lab_spec(self, *, retry: str = "40s", **ends: Mapping[str, Any]) -> Path:
        """Write a spec; an end that is not given is reached by a direct line."""
        both = {side: dict(ends.get(side) or self.direct(side)) for side in ("source", "target")}
        for side in both:
            both[side]["type"] = "postgresql"
            both[side]["region"] = REGION
        return self.spec(settings={"retry": {"for": retry}}, **both)

    def run(self, *arguments: str | Path, home: Path | None = None, **variables: str) -> Done:
        """Run a command in the place `runner`, saying yes to alarms."""
        return self.lab.places["runner"].do(super().run, *arguments, home=home, **self._secrets(), **variables)

    def start(self, *arguments: str | Path, home: Path | None = None, **variables: str) -> Running:
        """Start a command in the place `runner`."""
        return self.lab.places["runner"].do(super().start, *arguments, home=home, **self._secrets(), **variables)

    def on_source(self, database: str | None, script: str | sql.Composed, *values: Any) -> list[Any]:
        """Run SQL on the source."""
        return self.lab.places["source"].do(execute, self.source.route, database, script, *values)

    def on_target(self, database: str | None, script: str | sql.Composed, *values: Any) -> list[Any]:
        """Run SQL on the target."""
        return self.lab.places["target"].do(execute, self.target.route, database, script, *values)

    def differences(self, **options: Any) -> list[str]:
        """Return what an independent comparer finds, once the line is well again."""
        ends = self.lab.conninfo("source"), self.lab.conninfo("target")
        return self.lab.places["runner"].do(differences, *ends, **options)

    def _secrets(self) -> dict[str, str]:
        return {"LAB_SOURCE": self.password["source"], "LAB_TARGET": self.password["target"]}


class Ways:
    """Each way to a server that there is in this network, made when it is asked for."""

    def __init__(self, bench: LabBench, folder: Path, stack: ExitStack) -> None:
        self._bench = bench
        self._folder = folder
        self._stack = stack

    def end(self, side: str, name: str) -> dict[str, Any]:
        """Return an end of a spec that is reached by a way."""
        said: dict[str, Any] = getattr(self, f"_{name}")(side)
        return self._bench.way(side, {"type": name, **said})

    def _direct_connect(self, side: str) -> dict[str, Any]:
        return {"gateway": "dcg-1", **NETWORK, **self._address(side), **IMPATIENT}

    def _ccn(self, side: str) -> dict[str, Any]:
        owner = {"account_mode": "other", "owner": "100002"}
        return {"ccn": "ccn-1", "network": "vpc", **NETWORK, **owner, **self._address(side), **IMPATIENT}

    def _self_build_cvm(self, side: str) -> dict[str, Any]:
        machine = {"id": f"ins-{side}", "region": REGION, "address": self._bench.lab.address(side), "kind": "machine"}
        known = {"dtsrun_inventory": 1, "instances": [machine]}
        self._bench.write("inventory.yaml", yaml.safe_dump(known))
        return {"instance": machine["id"], "port": PORT, **IMPATIENT}

    def _public_network(self, side: str) -> dict[str, Any]:
        lab = self._bench.lab
        if not lab.has_tls:
            pytest.skip("networks: no installed server was built with TLS (those of the embedded extra are not)")
        (self._bench.folder / "root.crt").write_bytes(lab.authority.certificate)
        tls = {"mode": "verify-full", "root_cert": "root.crt", "channel_binding": "require"}
        return {**self._address(side), "tls": tls, **IMPATIENT}

    def _vpn(self, side: str) -> dict[str, Any]:
        assert side == "source", "it joins the runner and the source"
        host = self._stack.enter_context(vpn(self._bench.lab, self._folder))
        return {"gateway": "vpngw-1", **NETWORK, "host": host, "port": PORT, **IMPATIENT}

    def _ssh(self, side: str) -> dict[str, Any]:
        key = make_key(self._folder / "key")
        lab = self._bench.lab
        server = SshServer(self._folder / "sshd", key, address=lab.address("jump"))
        lab.places["jump"].do(server.start)
        self._stack.callback(server.kill)
        waits = {"connect_timeout": IMPATIENT["connect_timeout"], "alive": {"interval": 1, "count": 3}}
        return {**self._address(side), "jump": server.jump(key), **waits}

    def _address(self, side: str) -> dict[str, Any]:
        return {"host": self._bench.lab.address(side), "port": PORT}


@contextmanager
def vpn(lab: Lab, folder: Path) -> Iterator[str]:
    """Join runner and source by WireGuard in user space; give the source's address in it."""
    need("wireguard-go", "wg")
    if not Path("/dev/net/tun").exists():
        pytest.skip("networks: this machine has no /dev/net/tun")
    ends = {"runner": ("10.78.0.1", "source"), "source": ("10.78.0.2", "runner")}
    public = {name: _wireguard_key(folder / f"{name}.wg") for name in ends}
    running = []
    try:
        for name, (address, other) in ends.items():
            place, device = lab.places[name], f"wg{os.getpid()}{name[0]}"[-15:]
            running.append(place.do(_start_wireguard, device, folder / f"{name}.log"))
            peer = ("peer", public[other], "allowed-ips", f"{ends[other][0]}/32")
            endpoint = ("endpoint", f"{lab.address(other)}:51820")
            own = ("listen-port", "51820", "private-key", folder / f"{name}.wg")
            place.call("wg", "set", device, *own, *peer, *endpoint)
            place.ip("address", "add", f"{address}/24", "dev", device)
            place.ip("link", "set", device, "mtu", "1380", "up")
        yield ends["source"][0]
    finally:
        for process in running:
            process.terminate()
            process.wait()


def _start_wireguard(device: str, log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as said:
        process = subprocess.Popen(
            ["wireguard-go", "-f", device], stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True
        )
    until = time.monotonic() + 10
    socket_file = Path(f"/var/run/wireguard/{device}.sock")
    while not socket_file.exists():
        if process.poll() is not None or time.monotonic() > until:
            with suppress(ProcessLookupError):
                process.kill()
            process.wait()
            pytest.skip(f"networks: wireguard-go does not start: {log.read_text()[-300:]}")
        time.sleep(0.02)
    return process


def _wireguard_key(path: Path) -> str:
    path.touch(mode=0o600)
    path.write_text(call("wg", "genkey"))
    return call("wg", "pubkey", text=path.read_text()).strip()


def make_empty(lab: Lab) -> None:
    """Make both servers as they were when they were new."""
    for name, server in (("source", lab.source), ("target", lab.target)):
        lab.places[name].do(_make_empty, server)


def _make_empty(server: PrivateServer) -> None:
    # Sessions whose client is behind a line that was cut may still be there.
    execute(
        server.route,
        None,
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where application_name like 'dtsrun%' and pid <> pg_backend_pid()",
    )
    wipe(server.route)
