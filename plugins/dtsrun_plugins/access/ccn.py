"""Access type `ccn`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from dtsrun.api import AccessContext, AccessType, Endpoint, Objection, Route
from dtsrun.postgres.network import HOST, PORT, tcp_options, tcp_route

MODE: Final = "prefer"

NETWORKS: Final = {"idc": "a data centre", "vpc": "a VPC"}


class Ccn(AccessType):
    """A private address through a cloud connect network

    What it does
    ------------
    Connects by TCP to a private address in a network that a cloud connect network (CCN) joins with ours: another VPC,
    of any region, or a data centre. TLS is used where the server offers it, unless the spec asks for more or less.

    Why it matters
    --------------
    A CCN joins networks of several regions and accounts without the internet. What it is attached to decides where to
    look when a connection fails: routes and security groups in a VPC, the line and its routers in a data centre.

    Spec
    ----
    `ccn`: the CCN. `vpc` and `subnet`: our own network, where the connections come from. `network`: what the server
    stands in, `idc` (a data centre) or `vpc`. `host` and `port`: the server. These six are required. `account_mode`:
    `own` or `other`, whose the CCN is; `owner`: the account that it belongs to, required for `other`. `tls`,
    `connect_timeout`, `keepalives` and `peer` as for `public_network`; `tls.mode` is `prefer` if left out.

    Needs
    -----
    The machine that runs dtsrun stands in the VPC, or has a route into it; the VPC is attached to the CCN, with the
    consent of its owner where that is somebody else. The server's network routes the subnet back, and its firewalls and
    pg_hba.conf let it in.

    Example
    -------
        source:
          type: postgresql
          access: {type: ccn, ccn: ccn-5n8d3j7b, vpc: vpc-8d2m7c1q, subnet: subnet-3f6h0s9t, network: idc,
                   host: 172.20.1.9, port: 5432, owner: "100001234567"}
          account: migrator
          password: {env: SOURCE_PASSWORD}

    Limits
    ------
    dtsrun attaches no networks; it uses what is attached. Networks with the same address ranges cannot be joined. The
    other server reaches this one by the same address if its network is attached too; where it is not, say so in
    `peer`. A public address is an alarm of the prechecks.
    """

    name = "access.ccn"
    options = {
        "properties": {
            "ccn": {"description": "Id of the cloud connect network.", "type": "string", "minLength": 1},
            "vpc": {"description": "Id of our VPC that is attached to it.", "type": "string", "minLength": 1},
            "subnet": {"description": "Id of the VPC's subnet.", "type": "string", "minLength": 1},
            "network": {"description": "What the server stands in.", "enum": list(NETWORKS)},
            "host": {**HOST, "description": "Private name or address of the server."},
            "port": PORT,
            "account_mode": {
                "description": "Whose the CCN is; left out, it is `owner` that tells.",
                "enum": ["own", "other"],
            },
            "owner": {
                "description": "Id of the account that the CCN belongs to, in quotes.",
                "type": "string",
                "minLength": 1,
            },
            **tcp_options(mode=MODE),
        },
        "required": ["ccn", "vpc", "subnet", "network", "host", "port"],
    }

    def objections(self, endpoint: Endpoint, other: Endpoint) -> Iterator[Objection]:
        """Yield what contradicts itself about the owner."""
        mode, owner = endpoint.access.get("account_mode"), endpoint.access.get("owner")
        if mode == "other" and owner is None:
            message = "`owner` is missing (id of the account that the CCN belongs to), which account_mode other needs"
            yield Objection(side=endpoint.side, path=("access",), message=message)
        if mode == "own" and owner is not None:
            message = "an owner is named, and account_mode says that the CCN is our own"
            hint = "leave owner out, or set account_mode to other"
            yield Objection(side=endpoint.side, path=("access", "owner"), message=message, hint=hint)

    @contextmanager
    def open(self, endpoint: Endpoint, context: AccessContext) -> Iterator[Route]:
        """Give the route; there is nothing to hold open."""
        access = endpoint.access
        whose = f" of account {access['owner']}" if "owner" in access else ""
        about = f"through {access['ccn']}{whose} to {NETWORKS[access['network']]}"
        host, port = str(access["host"]), int(access["port"])
        yield tcp_route(endpoint, context, host=host, port=port, mode=MODE, network="private", about=about)
