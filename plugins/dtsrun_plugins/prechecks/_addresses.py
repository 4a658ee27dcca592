"""Where a session leads: this machine, a private network, or the internet."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Final

from dtsrun.api import CheckContext, Side, Undetermined
from dtsrun_plugins.prechecks._sessions import session

Address = IPv4Address | IPv6Address

RANGES: Final[dict[str, Any]] = {
    "description": "Networks that count as private too, e.g. those that a cloud uses inside: `9.0.0.0/8`.",
    "type": "array",
    "items": {"type": "string", "pattern": r"^[0-9a-fA-F.:]+/[0-9]{1,3}$", "patternErrorMessage": "a network in CIDR"},
    "default": [],
}


def address_of(context: CheckContext, side: Side) -> Address | None:
    """Return the address that the session of a side leads to; None for a socket and for this machine itself.

    What ends at this machine is a trial, or the near end of a tunnel: of the way behind it nothing is known.
    """
    # An address of version 6 may name its interface after a %.
    text = session(context, side).info.hostaddr.partition("%")[0]
    address = ip_address(text) if text else None
    return None if address is None or address.is_loopback else address


def is_private(address: Address, ranges: Iterable[str] = ()) -> bool:
    """Return whether an address is not one of the internet, or lies in one of the networks. Raises Undetermined."""
    return not address.is_global or any(address in _network(each) for each in ranges)


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text, strict=False)
    except ValueError as error:
        raise Undetermined(f"the option ranges holds {text}, which is no network: {error}") from error
