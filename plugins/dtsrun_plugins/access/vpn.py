"""Access type `vpn`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from dtsrun.api import AccessContext, AccessType, Endpoint, Route
from dtsrun.postgres.network import HOST, PORT, tcp_options, tcp_route

MODE: Final = "prefer"


class Vpn(AccessType):
    """A private address behind a VPN gateway

    What it does
    ------------
    Connects by TCP to a private address at the far end of a virtual private network: a server in a data centre or in
    another cloud, seen from a virtual private cloud (VPC) through its VPN gateway. TLS is used where the server offers
    it, unless the spec asks for more or less.

    Why it matters
    --------------
    The tunnel encrypts what crosses the internet, so a server without TLS can be moved too. Gateway, network and
    subnet are named so that whoever reads the spec, a report or a failed connectivity test knows which tunnel is meant.

    Spec
    ----
    `gateway`: the VPN gateway. `vpc` and `subnet`: the network that the gateway belongs to, where the connections come
    from. `host` and `port`: the server at the far end. All five are required. `tls`, `connect_timeout`, `keepalives`
    and `peer` as for `public_network`; `tls.mode` is `prefer` if left out.

    Needs
    -----
    The machine that runs dtsrun stands in the VPC, or has a route into it, and the tunnel is up. The far end's routers
    know the subnet, and its firewalls and pg_hba.conf let it in.

    Example
    -------
        source:
          type: postgresql
          access: {type: vpn, gateway: vpngw-6c0r5e8w, vpc: vpc-8d2m7c1q, subnet: subnet-3f6h0s9t,
                   host: 192.168.7.20, port: 5432}
          account: migrator
          password: {env: SOURCE_PASSWORD}

    Limits
    ------
    dtsrun builds no tunnel; it uses the one that is there. Packets that are too large for a tunnel are lost in some of
    them: a login that works and a copy that stands still point to it. The other server reaches this one by the same
    address if it stands in that VPC too; where it does not, say so in `peer`. A public address is an alarm of the
    prechecks.
    """

    name = "access.vpn"
    options = {
        "properties": {
            "gateway": {"description": "Id of the VPN gateway.", "type": "string", "minLength": 1},
            "vpc": {"description": "Id of the VPC that the gateway belongs to.", "type": "string", "minLength": 1},
            "subnet": {"description": "Id of the VPC's subnet.", "type": "string", "minLength": 1},
            "host": {**HOST, "description": "Private name or address at the far end."},
            "port": PORT,
            **tcp_options(mode=MODE),
        },
        "required": ["gateway", "vpc", "subnet", "host", "port"],
    }

    @contextmanager
    def open(self, endpoint: Endpoint, context: AccessContext) -> Iterator[Route]:
        """Give the route; there is nothing to hold open."""
        access = endpoint.access
        about = f"through VPN gateway {access['gateway']} of {access['vpc']}"
        host, port = str(access["host"]), int(access["port"])
        yield tcp_route(endpoint, context, host=host, port=port, mode=MODE, network="private", about=about)
