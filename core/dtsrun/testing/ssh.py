"""A real SSH server for tests: OpenSSH's, started in a folder of its own, for whoever runs the tests."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

SSHD: Final = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def make_key(path: Path, passphrase: str = "") -> Path:
    """Make a private key and its public one beside it."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", path.name, "-f", path], check=True)
    return path


class SshServer:
    """An SSH server that lets in the keys in `authorized`; it comes back at the same port."""

    def __init__(
        self,
        folder: Path,
        *keys: Path,
        rules: str = "",
        address: str = "127.0.0.1",
        run_in: Sequence[str] = (),
    ) -> None:
        """Args:
        rules: lines of its sshd_config.
        run_in: what its command line begins with, e.g. `("ip", "netns", "exec", "jump")`.

        Skips the test where OpenSSH is not installed.
        """
        if SSHD is None or shutil.which("ssh") is None:
            pytest.skip("no OpenSSH server and client are installed (packages openssh-server, openssh-client)")
        folder.mkdir()
        self.folder = folder
        self.address = address
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        self.host_key = make_key(folder / "host_key")
        self.authorized = folder / "authorized"
        self.authorized.write_text("".join(key.with_name(f"{key.name}.pub").read_text() for key in keys))
        self.known_hosts = folder / "known_hosts"
        self.know(self.host_key)
        self._rules = rules
        self._run_in = tuple(run_in)
        self._process: subprocess.Popen[bytes] | None = None

    def know(self, key: Path) -> None:
        """Write a host key into `known_hosts` as this server's."""
        public = " ".join(key.with_name(f"{key.name}.pub").read_text().split()[:2])
        self.known_hosts.write_text(f"[{self.address}]:{self.port} {public}\n")

    @property
    def fingerprint(self) -> str:
        """The host key's, as ssh-keygen writes it."""
        said = subprocess.run(["ssh-keygen", "-l", "-f", self.host_key], check=True, capture_output=True, text=True)
        return said.stdout.split()[1]

    @property
    def log(self) -> str:
        """What the server wrote."""
        return (self.folder / "log").read_text()

    def jump(self, key: Path | None, **changes: object) -> dict[str, object]:
        """Return what a spec says of it."""
        known = {"host": self.address, "port": self.port, "user": getpass.getuser()}
        named = {"key": str(key)} if key else {}
        return {**known, **named, "known_hosts": str(self.known_hosts), **changes}

    def start(self) -> SshServer:
        """Start it and wait until it listens."""
        assert SSHD is not None
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd asks for it when it runs as root
        lines = (
            f"Port {self.port}",
            f"ListenAddress {self.address}",
            f"HostKey {self.host_key}",
            f"AuthorizedKeysFile {self.authorized}",
            "PidFile none",
            "StrictModes no",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "PermitRootLogin prohibit-password",
            "MaxStartups 100",
            "LogLevel VERBOSE",
            self._rules,
        )
        (self.folder / "sshd_config").write_text("\n".join(lines) + "\n")
        self._process = subprocess.Popen(
            [*self._run_in, SSHD, "-D", "-f", self.folder / "sshd_config", "-E", self.folder / "log"],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        until = time.monotonic() + 10
        while not self._answers():
            assert self._process.poll() is None, self.log
            assert time.monotonic() < until, "sshd does not answer"
            time.sleep(0.02)
        return self

    def kill(self) -> None:
        """End it and all its sessions at once."""
        process, self._process = self._process, None
        if process is None:
            return
        sessions = _descendants(process.pid)
        for pid in (process.pid, *sessions):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()

    def _answers(self) -> bool:
        with suppress(OSError), socket.create_connection((self.address, self.port), timeout=1) as knocking:
            return knocking.recv(4) == b"SSH-"
        return False


def _descendants(pid: int) -> list[int]:
    said = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    children = [int(word) for word in said.stdout.split()]
    return children + [each for child in children for each in _descendants(child)]
