"""Access type `self_build_cvm`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from dtsrun.api import AccessContext, AccessType, Endpoint, Objection, Route
from dtsrun.postgres.lookup import INSTANCE_OPTIONS, address_of, look_up
from dtsrun.postgres.network import PORT, tcp_options, tcp_route

MODE: Final = "prefer"


class SelfBuildCvm(AccessType):
    """A server that somebody runs on a virtual machine of the cloud

    What it does
    ------------
    Looks up the machine's private address by its id and region in an inventory, then connects to it by TCP. TLS is
    used where the server offers it, unless the spec asks for more or less.

    Why it matters
    --------------
    The id stays when the address changes, and it is what the cloud's console shows: nobody has to find out addresses
    by hand, and nobody moves the wrong machine because an address was given out anew.

    Spec
    ----
    `instance`: the machine's id. `port`: of PostgreSQL on it. Both are required, and so is `region` on both ends:
    private addresses of one region are not reached from another. `inventory`: what knows the address, by type: `file`,
    `tencentcloud`, or one of a plugin; left out, the file `inventory.yaml` beside the spec. `address`: which one, where
    the machine has several. `tls`, `connect_timeout`, `keepalives` and `peer` as for `public_network`; `tls.mode` is
    `prefer` if left out.

    Needs
    -----
    The machine that runs dtsrun stands in the same network, or has a route into it; security groups and pg_hba.conf
    let it in. What the inventory asks for.

    Example
    -------
        source:
          type: postgresql
          access: {type: self_build_cvm, instance: ins-7g2k9d4s, port: 5432,
                   inventory: {type: file, path: inventory.yaml}}
          region: ap-guangzhou
          account: migrator
          password: {env: SOURCE_PASSWORD}

    Limits
    ------
    Source and target must be of one region; across regions, use `public_network` with the machine's public address. A
    public address is an alarm of the prechecks.
    """

    name = "access.self_build_cvm"
    needs_region = True
    options = {
        "properties": {**INSTANCE_OPTIONS, "port": PORT, **tcp_options(mode=MODE)},
        "required": ["instance", "port"],
    }

    def objections(self, endpoint: Endpoint, other: Endpoint) -> Iterator[Objection]:
        """Yield the other end's region if it is another, or is not known."""
        if other.region is None:
            message = f"`region` is missing, which self_build_cvm of the {endpoint.side} compares with its own"
            yield Objection(side=other.side, path=(), message=message)
        elif endpoint.region is not None and other.region != endpoint.region:
            yield Objection(
                side=endpoint.side,
                path=("access", "type"),
                message=f"self_build_cvm does not reach across regions: the {endpoint.side} is in {endpoint.region},"
                f" the {other.side} in {other.region}",
                hint="set access.type to public_network, with the machine's public address as host",
            )

    @contextmanager
    def open(self, endpoint: Endpoint, context: AccessContext) -> Iterator[Route]:
        """Look the address up and give the route; there is nothing to hold open."""
        machine = look_up(endpoint, context, "machine")
        host, port = address_of(machine, endpoint), int(endpoint.access["port"])
        about = f"machine {machine.id} in {machine.region}"
        yield tcp_route(endpoint, context, host=host, port=port, mode=MODE, network="private", about=about)
