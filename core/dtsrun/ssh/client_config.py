"""What the SSH client is told: one configuration file for the whole chain of jump hosts.

The user's own `~/.ssh/config` is not read: a spec means the same on every machine.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

PASSPHRASE_VARIABLE: Final = "DTSRUN_PASSPHRASE_{}"

_COMMON: Final = (
    # Whether a host is the right one is never asked of anybody, and never taken for granted.
    "StrictHostKeyChecking yes",
    "UpdateHostKeys no",
    "VerifyHostKeyDNS no",
    # No question but that for the passphrase, and that once.
    "PreferredAuthentications publickey,gssapi-with-mic,hostbased",
    "NumberOfPasswordPrompts 1",
    # 1.5 times as fast as the client's first choice where processors help with AES: 721 MB/s, 493 MB/s.
    "Ciphers ^aes128-gcm@openssh.com,aes256-gcm@openssh.com",
    "ForwardAgent no",
    "ForwardX11 no",
    "PermitLocalCommand no",
    "ControlMaster no",
    "ControlPath none",
    "RequestTTY no",
    # The tunnel is of use with its forwarding only; a socket's file that a killed client left is not in the way.
    "ExitOnForwardFailure yes",
    "StreamLocalBindUnlink yes",
    "StreamLocalBindMask 0177",
    "TCPKeepAlive yes",
    # What the server shows (the fingerprint of its key) is told at this level only.
    "LogLevel DEBUG1",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Hop:
    """One host of the chain, and how to log in there."""

    host: str
    port: int
    user: str | None
    key: Path | None
    """File of the private key; None: the agent's keys, and the user's default ones."""
    known_hosts: Path | None
    """None: the user's and the system's own files."""
    passphrase: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        shown = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.user}@{shown}:{self.port}" if self.user else f"{shown}:{self.port}"

    @property
    def known_as(self) -> str:
        """The host as a known_hosts file writes it."""
        return self.host if self.port == 22 else f"[{self.host}]:{self.port}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Patience:
    """How long the client waits for the other side."""

    connect_seconds: int
    interval_seconds: int
    """Silence before the client asks whether the other side is still there."""
    lost: int
    """How many such questions may stay without an answer."""

    @property
    def silence_seconds(self) -> int:
        """How long the other side may stay silent when it is asked."""
        return self.interval_seconds * self.lost


def alias(number: int) -> str:
    """Return what a host of the chain is called in the file; its real name could be a pattern or an option."""
    return f"hop{number}"


def config_text(hops: Sequence[Hop], patience: Patience, forwarding: str) -> str:
    """Return the file for a chain: each host is reached through the one before it, the last one forwards."""
    blocks = [_block(number, hop) for number, hop in enumerate(hops)]
    blocks[-1].append(f"LocalForward {forwarding}")
    waits = (
        f"ConnectTimeout {patience.connect_seconds}",
        f"ServerAliveInterval {patience.interval_seconds}",
        f"ServerAliveCountMax {patience.lost}",
    )
    common = ["Host *", *(f"    {line}" for line in (*_COMMON, *waits))]
    return "\n".join(line for block in (*map(_indented, blocks), common) for line in block) + "\n"


def askpass_text(hops: Sequence[Hop]) -> str:
    """Return the program that answers the client's question for a passphrase; the passphrase is in its environment."""
    cases = [
        f"    *{shlex.quote(str(hop.key))}*) printf '%s\\n' \"${PASSPHRASE_VARIABLE.format(number)}\"; exit 0;;"
        for number, hop in enumerate(hops)
        if hop.passphrase is not None
    ]
    return "\n".join(["#!/bin/sh", 'case "$1" in', *cases, "esac", "exit 1"]) + "\n"


def passphrases(hops: Sequence[Hop]) -> Mapping[str, str]:
    """Return the variables that `askpass_text` reads."""
    return {
        PASSPHRASE_VARIABLE.format(number): hop.passphrase
        for number, hop in enumerate(hops)
        if hop.passphrase is not None
    }


def quoted(path: str | Path) -> str:
    """Return a path as the file takes it: in quotes, no sign meaning anything else.

    Raises:
        ValueError: it holds what cannot be written there.
    """
    text = str(path)
    if any(sign in text for sign in ('"', "\\", "\n", "${")):
        raise ValueError(text)
    return '"' + text.replace("%", "%%") + '"'


def _block(number: int, hop: Hop) -> list[str]:
    lines = [f"Host {alias(number)}", f"HostName {hop.host}", f"Port {hop.port}"]
    if hop.user is not None:
        lines.append(f"User {hop.user}")
    if hop.key is not None:
        lines += [f"IdentityFile {quoted(hop.key)}", "IdentitiesOnly yes"]
    if hop.known_hosts is not None:
        lines += [f"UserKnownHostsFile {quoted(hop.known_hosts)}", "GlobalKnownHostsFile /dev/null"]
    if number:
        lines.append(f"ProxyJump {alias(number - 1)}")
    return lines


def _indented(lines: Sequence[str]) -> list[str]:
    return [lines[0], *(f"    {line}" for line in lines[1:])]
