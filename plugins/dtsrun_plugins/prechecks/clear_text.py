"""What crosses public networks is encrypted."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from dtsrun.api import CheckContext, Connection, Finding, Fix, Precheck, Severity, Side
from dtsrun_plugins.prechecks._sessions import session


class ClearText(Precheck):
    """What crosses public networks is encrypted.

    What it does
    ------------
    Looks at the sessions of both ends: whether they use TLS, and whether the address that they lead to is a private
    one, this machine, or a socket.

    Why it matters
    --------------
    All rows pass these sessions, password hashes among them. In clear text, whoever carries them on the way may
    read them.

    Spec
    ----
    `source.access.tls` and `target.access.tls`.

    Needs
    -----
    Nothing beyond a login. All versions.

    Example
    -------
        alarm  precheck.clear_text  the session to the source (203.0.113.7) is not encrypted
          fix: access.tls.mode: require, better verify-full

    Limits
    ------
    A private network is taken to be trusted, and so is a tunnel, whose near end is this machine.
    """

    name = "precheck.clear_text"
    side = "both"
    severity = Severity.ALARM
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield each end that is reached in clear text over a public address."""
        sides: tuple[Side, Side] = ("source", "target")
        for side in sides:
            connection = session(context, side)
            address = connection.info.hostaddr
            if not connection.pgconn.ssl_in_use and _is_public(connection):
                yield Finding(
                    subject=side,
                    message=f"the session to the {side} ({address}) is not encrypted",
                    observed="clear text",
                    expected="TLS",
                    fix=Fix(text=f"set {side}.access.tls.mode to require, better to verify-full", side=side),
                )


def _is_public(connection: Connection) -> bool:
    # Empty for a socket; an address of version 6 may name its interface after a %.
    address = connection.info.hostaddr.partition("%")[0]
    return bool(address) and ip_address(address).is_global
