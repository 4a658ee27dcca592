"""Access type `service`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dtsrun.api import AccessContext, AccessType, Endpoint, Route


class Service(AccessType):
    """A server that libpq's own configuration names, or a local socket

    What it does
    ------------
    Connects as psql would with `service=NAME`: host, port, TLS and whatever else the entry of `pg_service.conf` holds
    are taken from there. Or connects through the Unix socket in a folder.

    Why it matters
    --------------
    Who has a `pg_service.conf` has described the server once, for every tool. And over a local socket, peer
    authentication lets the operating system's account in without any password.

    Spec
    ----
    Either `service`, the name of an entry in `~/.pg_service.conf` (or the file that PGSERVICEFILE names, or the
    system's), or `socket`, the folder of the server's socket, with `port` (5432 if left out). `account` and `password`
    of the endpoint go before those of the service; left out, the service's, the operating system's account and
    `~/.pgpass` serve.

    Needs
    -----
    The service must be known on the machine that runs dtsrun. Its `dbname` is not used.

    Example
    -------
        source:
          type: postgresql
          access: {type: service, service: shop_production}

    Limits
    ------
    The other server is not told how to reach this one.
    """

    name = "access.service"
    options = {
        "properties": {
            "service": {"description": "Name of an entry in pg_service.conf.", "type": "string", "minLength": 1},
            "socket": {
                "description": "Folder of the server's Unix socket.",
                "type": "string",
                "pattern": "^[/@][^,]*$",
            },
            "port": {"description": "Port of the socket.", "type": "integer", "minimum": 1, "maximum": 65535},
        },
        "oneOf": [{"required": ["service"], "properties": {"port": False}}, {"required": ["socket"]}],
    }

    @contextmanager
    def open(self, endpoint: Endpoint, context: AccessContext) -> Iterator[Route]:
        """Give the route; there is nothing to hold open."""
        access = endpoint.access
        if "service" in access:
            parameters, where = {"service": str(access["service"])}, f"service {access['service']}"
        else:
            port = str(access.get("port", 5432))
            parameters, where = {"host": str(access["socket"]), "port": port}, f"{access['socket']}:{port}"
        if endpoint.account is not None:
            parameters["user"] = endpoint.account
            where += f" as {endpoint.account}"
        if endpoint.password is not None:
            parameters["password"] = context.resolve(endpoint.password)
        yield Route(parameters=parameters, description=where, maintenance_database=endpoint.maintenance_database)
