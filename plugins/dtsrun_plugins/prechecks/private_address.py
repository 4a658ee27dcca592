"""A private way leads to a private address."""

from __future__ import annotations

from collections.abc import Iterator

from dtsrun.api import CheckContext, Finding, Fix, Precheck, Severity, Side
from dtsrun_plugins.prechecks._addresses import RANGES, address_of, is_private


class PrivateAddress(Precheck):
    """A private way leads to a private address.

    What it does
    ------------
    For an end whose access type is a private way (`self_build_cvm`, `direct_connect`, `vpn`, `ccn`, `database`), looks
    at the address that the session really leads to.

    Why it matters
    --------------
    A public address is not reached through a line, a tunnel or a VPC: the rows leave by the internet, beside the way
    that the spec names, and TLS may be off because the way was taken to be safe.

    Spec
    ----
    `prechecks.policy.checks."precheck.private_address"`, with the option `ranges`.

    Needs
    -----
    Nothing beyond a login. All versions.

    Example
    -------
        alarm  precheck.private_address  vpn leads to 203.0.113.7, which is a public address
          fix: name the private address, or use access type public_network with TLS

    Limits
    ------
    Addresses that are registered to somebody and used inside a cloud nevertheless are taken for public ones, unless
    `ranges` names them. An end on this machine itself passes.
    """

    name = "precheck.private_address"
    severity = Severity.ALARM
    requires = ("precheck.connect",)
    options = {"properties": {"ranges": RANGES}}

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield each end that a private way is said to lead to, and whose address is public."""
        sides: tuple[Side, Side] = ("source", "target")
        for side in sides:
            if context.route(side).network != "private":
                continue
            address = address_of(context, side)
            if address is not None and not is_private(address, context.options.get("ranges", ())):
                way = context.spec.endpoint(side).access_type
                yield Finding(
                    subject=side,
                    message=f"{way} leads to {address}, which is a public address",
                    observed=str(address),
                    expected="a private address",
                    fix=Fix(
                        text=f"name the private address in {side}.access, or use access type public_network with TLS",
                        side=side,
                    ),
                )
