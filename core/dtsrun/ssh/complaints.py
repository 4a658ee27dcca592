"""What the SSH client said, as an error that names the host and the remedy.

The client speaks English only. Of a chain, all its processes write into one log: the host that a complaint is about is
the one that it names, or else the last that a connection was made to.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from dtsrun.errors import AccessError, UnreachableError
from dtsrun.ssh.client_config import Hop

_FINGERPRINT = re.compile(r"Server host key: (\S+) (SHA256:\S+)")
_UNKNOWN_HOST = re.compile(r"No (\S+) host key is known for (\S+)")
_CHANGED_HOST = re.compile(r"Host key for (\S+) has changed")
_OFFENDING = re.compile(r"Offending \S+ key in (.+)")
_AUTHENTICATING = re.compile(r"Authenticating to (\S+) as '([^']*)'")
_FAR_END = re.compile(r"channel \d+: open failed: ([^\n\r]*)")
_UNREACHED: Final = (
    re.compile(r"ssh: (connect to host .*)"),
    re.compile(r"ssh: (Could not resolve hostname .*)"),
    re.compile(r"channel \d+: open failed: (.*)"),
    re.compile(r"stdio forwarding failed"),
    re.compile(r"((?:kex_exchange_identification|banner exchange|Connection to|Connection (?:closed|reset) by).*)"),
    re.compile(r"(Timeout, server \S+ not responding)"),
)


def login_error(log: str, hops: Sequence[Hop], *, where: str) -> AccessError:
    """Return why no tunnel came about."""
    return (
        _host_key(log, hops, where)
        or _our_key(log, hops, where)
        or _options(log, where)
        or UnreachableError(
            f"no tunnel through {_chain(hops)}: {_last_words(log)}",
            where=where,
            hint="check the jump hosts' names and ports, and that this machine's address is let in there",
        )
    )


def far_end_error(log: str, hops: Sequence[Hop], far_end: str, *, where: str) -> AccessError | None:
    """Return why the last jump host does not lead to the server; None where the client says nothing of that."""
    told = _FAR_END.findall(log)
    if not told:
        return None
    said = told[-1].strip()
    if said.startswith("administratively prohibited"):
        hint = "AllowTcpForwarding and PermitOpen of its sshd_config, and permitopen of the key, must let it"
        return AccessError(f"jump host {hops[-1]} forbids the way to {far_end}: {said}", where=where, hint=hint)
    return UnreachableError(
        f"jump host {hops[-1]} does not reach {far_end}: {said.removeprefix('connect failed: ')}",
        where=where,
        hint="host and port are those of the server as the last jump host sees it",
    )


def _host_key(log: str, hops: Sequence[Hop], where: str) -> AccessError | None:
    shown = _FINGERPRINT.findall(log)
    seen = f"{shown[-1][1]} ({shown[-1][0]})" if shown else "an unknown key"
    if changed := _CHANGED_HOST.search(log):
        offending = _OFFENDING.search(log)
        place = f" in {offending[1].strip()}" if offending else ""
        return AccessError(
            f"THE HOST KEY OF {changed[1]} HAS CHANGED: it shows {seen}, and another is known{place}; somebody may be "
            "between you and the jump host",
            where=where,
            hint="ask whoever runs the host whether that is its fingerprint; only then replace the known key:"
            f" ssh-keygen -R '{changed[1]}', and add the new one",
        )
    if unknown := _UNKNOWN_HOST.search(log):
        hop = _hop_known_as(unknown[2], hops)
        return AccessError(
            f"the host key of {unknown[2]} is not known: it shows {seen}",
            where=where,
            hint="ask whoever runs the host whether that is its fingerprint; if it is: "
            f"ssh-keyscan {_scan_arguments(hop)} >> {hop.known_hosts or '~/.ssh/known_hosts'}",
        )
    return None


def _our_key(log: str, hops: Sequence[Hop], where: str) -> AccessError | None:
    hop = _last_authenticated(log, hops)
    if "UNPROTECTED PRIVATE KEY FILE" in log:
        return AccessError(
            f"others may read the private key {hop.key}, so the SSH client ignores it",
            where=where,
            hint=f"chmod 600 {hop.key}",
        )
    if "Permission denied" not in log and "Too many authentication failures" not in log:
        return None
    if hop.key is not None and re.search(r"read_passphrase|incorrect passphrase", log):
        if hop.passphrase is None:
            message, hint = f"the private key {hop.key} has a passphrase", "name it by reference in `passphrase`"
        else:
            message, hint = (
                f"the passphrase does not open the private key {hop.key}",
                "check the secret of `passphrase`",
            )
        return AccessError(message, where=where, hint=hint)
    with_what = f"the key {hop.key}" if hop.key else "any key of the agent, or the default ones"
    return AccessError(
        f"jump host {hop} does not let us in with {with_what}",
        where=where,
        hint="check the user, and that the public key is in its authorized_keys",
    )


def _options(log: str, where: str) -> AccessError | None:
    bad = re.search(r"(.*(?:Bad configuration option|Bad .* specification|no such identity).*)", log)
    return (
        AccessError(f"the SSH client does not take its configuration: {bad[1].strip()}", where=where) if bad else None
    )


def _last_authenticated(log: str, hops: Sequence[Hop]) -> Hop:
    told = _AUTHENTICATING.findall(log)
    last = told[-1][0] if told else ""
    return next((hop for hop in reversed(hops) if last in {f"{hop.host}:{hop.port}", str(hop)}), hops[-1])


def _hop_known_as(name: str, hops: Sequence[Hop]) -> Hop:
    return next((hop for hop in hops if hop.known_as == name), hops[-1])


def _scan_arguments(hop: Hop) -> str:
    return hop.host if hop.port == 22 else f"-p {hop.port} {hop.host}"


def _chain(hops: Sequence[Hop]) -> str:
    return " and ".join(map(str, hops))


def _last_words(log: str) -> str:
    for words in _UNREACHED:
        if found := words.findall(log):
            return str(found[0]).strip()
    said = [line for line in log.splitlines() if line.strip() and not line.startswith("debug1:")]
    return said[-1].strip() if said else "the SSH client said nothing"


def log_of(path: Path) -> str:
    """Return what the client wrote; empty before it wrote anything."""
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
