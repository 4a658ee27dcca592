"""Access type `database`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from dtsrun.api import AccessContext, AccessType, Endpoint, Objection, Route
from dtsrun.errors import AccessError
from dtsrun.postgres.lookup import INSTANCE_OPTIONS, address_of, look_up
from dtsrun.postgres.network import PORT, tcp_options, tcp_route

MODE: Final = "prefer"


class ManagedDatabase(AccessType):
    """A managed instance of the cloud, by its id

    What it does
    ------------
    Looks up the instance's private address and port by its id and region in an inventory, then connects to it by TCP.
    TLS is used where the server offers it, unless the spec asks for more or less.

    Why it matters
    --------------
    A managed instance has no machine to log in to; its id is what the cloud's console shows. Its address may change
    when it is moved or switched over, its id does not.

    Spec
    ----
    `instance`: the id; required, and so is the endpoint's `region`. `account_mode`: `own`, if left out, or `other`,
    for an instance of another account; then `role` is required: the role that the other account lets us act as.
    `inventory`: what knows the address, by type: `file`, `tencentcloud`, or one of a plugin; left out, the file
    `inventory.yaml` beside the spec. `address` and `port`: which one, where the instance has several, and where the
    inventory does not know the port. `tls`, `connect_timeout`, `keepalives` and `peer` as for `public_network`;
    `tls.mode` is `prefer` if left out.

    Needs
    -----
    The machine that runs dtsrun stands in the instance's network, or has a route into it; security groups let it in.
    What the inventory asks for.

    Example
    -------
        target:
          type: postgresql
          access: {type: database, instance: postgres-1a2b3c4d}
          region: ap-guangzhou
          account: root_user
          password: {file: /run/secrets/target}

    Limits
    ------
    Its private address only: for its public one, use `public_network`. A public address is an alarm of the prechecks.
    """

    name = "access.database"
    needs_region = True
    options = {
        "properties": {
            **INSTANCE_OPTIONS,
            "account_mode": {"description": "Whose the instance is.", "enum": ["own", "other"], "default": "own"},
            "role": {"description": "Role of the other account that we act as.", "type": "string", "minLength": 1},
            "port": {**PORT, "description": "TCP port, where the inventory does not know it."},
            **tcp_options(mode=MODE),
        },
        "required": ["instance"],
    }

    def objections(self, endpoint: Endpoint, other: Endpoint) -> Iterator[Objection]:
        """Yield what contradicts itself about the role."""
        mode, role = endpoint.access.get("account_mode", "own"), endpoint.access.get("role")
        if mode == "other" and role is None:
            message = "`role` is missing (role of the other account that we act as), which account_mode other needs"
            yield Objection(side=endpoint.side, path=("access",), message=message)
        if mode == "own" and role is not None:
            message = "a role of another account is named, and account_mode says that the instance is our own"
            hint = "set account_mode to other, or leave role out"
            yield Objection(side=endpoint.side, path=("access", "role"), message=message, hint=hint)

    @contextmanager
    def open(self, endpoint: Endpoint, context: AccessContext) -> Iterator[Route]:
        """Look the address up and give the route; there is nothing to hold open."""
        instance = look_up(endpoint, context, "database")
        port = endpoint.access.get("port", instance.port)
        if port is None:
            message = f"the inventory does not know the port of instance {instance.id}"
            raise AccessError(message, hint=f"name it in {endpoint.side}.access.port")
        host, about = address_of(instance, endpoint), f"instance {instance.id} in {instance.region}"
        yield tcp_route(endpoint, context, host=host, port=int(port), mode=MODE, network="private", about=about)
