"""What access types share that know a server by its id: the options, and the look-up of its address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from dtsrun.api.contexts import AccessContext
from dtsrun.api.instances import Instance, InstanceKind, WantedInstance
from dtsrun.api.routes import Endpoint
from dtsrun.errors import AccessError
from dtsrun.postgres.network import HOST

INSTANCE_OPTIONS: Final[Mapping[str, Any]] = {
    "instance": {"description": "The instance's id.", "type": "string", "minLength": 1},
    "inventory": {
        "description": "What knows the instance's address; left out, the file inventory.yaml beside the spec.",
        "$ref": "#/$defs/inventory",
        "examples": [{"type": "file", "path": "inventory.yaml"}],
    },
    "address": {**HOST, "description": "Which of the instance's addresses, where it has several."},
}


def look_up(endpoint: Endpoint, context: AccessContext, kind: InstanceKind) -> Instance:
    """Return the instance that an endpoint names.

    Raises:
        AccessError: the inventory does not know it, or may not say.
    """
    access = endpoint.access
    wanted = WantedInstance(
        id=str(access["instance"]), region=endpoint.region or "", kind=kind, role=access.get("role")
    )
    return context.find_instance(access.get("inventory", {}), wanted)


def address_of(instance: Instance, endpoint: Endpoint) -> str:
    """Return the one address of an instance, or that which the endpoint names.

    Raises:
        AccessError: it has several and none is named, or not the one that is named.
    """
    chosen = endpoint.access.get("address")
    known = ", ".join(instance.addresses)
    if chosen is None and len(instance.addresses) == 1:
        return instance.addresses[0]
    if chosen is None:
        message = f"instance {instance.id} has more than one address: {known}"
        raise AccessError(message, hint=f"name the one that PostgreSQL listens on in {endpoint.side}.access.address")
    if chosen not in instance.addresses:
        raise AccessError(f"instance {instance.id} has no address {chosen}", hint=f"the inventory knows {known}")
    return str(chosen)
