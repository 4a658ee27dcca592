"""Access type `direct_connect`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from dtsrun.api import AccessContext, AccessType, Endpoint, Route
from dtsrun.postgres.network import HOST, PORT, tcp_options, tcp_route

MODE: Final = "prefer"


class DirectConnect(AccessType):
    """A private address behind a dedicated line

    What it does
    ------------
    Connects by TCP to a private address that a dedicated line leads to: a server in a data centre of one's own, seen
    from a virtual private cloud (VPC) whose direct connect gateway the line ends at. TLS is used where the server
    offers it, unless the spec asks for more or less.

    Why it matters
    --------------
    Nothing of it crosses the internet, and the rate is known. Gateway, network and subnet are named so that whoever
    reads the spec, a report or a failed connectivity test knows which line is meant.

    Spec
    ----
    `gateway`: the direct connect gateway. `vpc` and `subnet`: the network that the gateway belongs to, where the
    connections come from. `host` and `port`: the server behind the line. All five are required. `tls`,
    `connect_timeout`, `keepalives` and `peer` as for `public_network`; `tls.mode` is `prefer` if left out.

    Needs
    -----
    The machine that runs dtsrun stands in the VPC, or has a route into it. On the way back, the data centre's routers
    know the subnet, and its firewalls and pg_hba.conf let it in.

    Example
    -------
        source:
          type: postgresql
          access: {type: direct_connect, gateway: dcg-4b1k9x2p, vpc: vpc-8d2m7c1q, subnet: subnet-3f6h0s9t,
                   host: 10.20.0.15, port: 5432}
          account: migrator
          password: {env: SOURCE_PASSWORD}

    Limits
    ------
    dtsrun makes no line, gateway or route; it uses those that are there. The other server reaches this one by the same
    address if it stands in that VPC too; where it does not, say so in `peer`. A public address is an alarm of the
    prechecks.
    """

    name = "access.direct_connect"
    options = {
        "properties": {
            "gateway": {"description": "Id of the direct connect gateway.", "type": "string", "minLength": 1},
            "vpc": {"description": "Id of the VPC that the gateway belongs to.", "type": "string", "minLength": 1},
            "subnet": {"description": "Id of the VPC's subnet.", "type": "string", "minLength": 1},
            "host": {**HOST, "description": "Private name or address behind the line."},
            "port": PORT,
            **tcp_options(mode=MODE),
        },
        "required": ["gateway", "vpc", "subnet", "host", "port"],
    }

    @contextmanager
    def open(self, endpoint: Endpoint, context: AccessContext) -> Iterator[Route]:
        """Give the route; there is nothing to hold open."""
        access = endpoint.access
        about = f"through direct connect gateway {access['gateway']} of {access['vpc']}"
        host, port = str(access["host"]), int(access["port"])
        yield tcp_route(endpoint, context, host=host, port=port, mode=MODE, network="private", about=about)
