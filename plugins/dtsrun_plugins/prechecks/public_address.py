"""Access type public_network leads to a public address."""

from __future__ import annotations

from collections.abc import Iterator

from dtsrun.api import CheckContext, Finding, Fix, Precheck, Severity, Side
from dtsrun_plugins.prechecks._addresses import RANGES, address_of, is_private


class PublicAddress(Precheck):
    """Access type public_network leads to a public address.

    What it does
    ------------
    For an end whose access type is `public_network`, looks at the address that the session really leads to.

    Why it matters
    --------------
    A private address says that there is a way which the spec does not name: a line, a tunnel, a VPC. Whoever reads the
    spec looks for a fault in the wrong place, and the other server may not reach the address at all. Or a name that is
    meant to be public resolves to something else on this machine.

    Spec
    ----
    `prechecks.policy.checks."precheck.public_address"`, with the option `ranges`.

    Needs
    -----
    Nothing beyond a login. All versions.

    Example
    -------
        alarm  precheck.public_address  public_network leads to 10.0.3.17, which is a private address
          fix: use the access type of the way that leads there: self_build_cvm, database, direct_connect, vpn or ccn

    Limits
    ------
    Within one network of one's own it is harmless: waive it, or switch it off. An end on this machine itself passes.
    """

    name = "precheck.public_address"
    severity = Severity.ALARM
    requires = ("precheck.connect",)
    options = {"properties": {"ranges": RANGES}}

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield each end that is said to be public, and whose address is private."""
        sides: tuple[Side, Side] = ("source", "target")
        for side in sides:
            if context.route(side).network != "public":
                continue
            address = address_of(context, side)
            if address is not None and is_private(address, context.options.get("ranges", ())):
                way = context.spec.endpoint(side).access_type
                yield Finding(
                    subject=side,
                    message=f"{way} leads to {address}, which is a private address",
                    observed=str(address),
                    expected="a public address",
                    fix=Fix(
                        text="use the access type of the way that leads there: self_build_cvm, database,"
                        " direct_connect, vpn, ccn or ssh",
                        side=side,
                    ),
                )
