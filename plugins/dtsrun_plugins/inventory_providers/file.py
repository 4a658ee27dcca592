"""Inventory provider `file`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from dtsrun.api import AccessContext, Instance, InventoryProvider, WantedInstance
from dtsrun.errors import AccessError
from dtsrun.spec.document import MAX_BYTES, Document, read_document
from dtsrun.spec.validate import did_you_mean, violations_of
from dtsrun.spec.violations import InvalidSpec, Violation

_TEXT: Final = {"type": "string", "minLength": 1}
_HOST: Final = {
    "type": "string",
    "pattern": r"^[^/@,\s][^/,\s]*$",
    "patternErrorMessage": "one host name or address",
}

SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["dtsrun_inventory", "instances"],
    "properties": {
        "dtsrun_inventory": {"description": "Version of this format.", "const": 1},
        "instances": {
            "description": "What is known.",
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["id", "region", "address"],
                "properties": {
                    "id": {"description": "The id that the provider gave it.", **_TEXT},
                    "region": {"description": "Where it stands.", **_TEXT},
                    "address": {
                        "description": "Its private address or name, or a list of them.",
                        "anyOf": [_HOST, {"type": "array", "minItems": 1, "items": _HOST}],
                    },
                    "port": {"description": "Of PostgreSQL.", "type": "integer", "minimum": 1, "maximum": 65535},
                    "kind": {"description": "What it is; left out, either.", "enum": ["machine", "database"]},
                    "network": {"description": "Id of its private network.", **_TEXT},
                    "account": {"description": "Who owns it.", **_TEXT},
                    "tags": {"description": "Free words for people.", "type": "object"},
                },
            },
        },
    },
}
"""What an inventory file holds."""


class FileInventory(InventoryProvider):
    """A file that lists instances with their addresses

    What it does
    ------------
    Reads a YAML file each time that an address is needed, and finds the instance of the asked id and region in it.

    Why it matters
    --------------
    Every site can write such a file, or have it written: by its infrastructure as code, or by a query of its own
    inventory. It works without any account at a cloud.

    Spec
    ----
    `path`: the file; a relative one starts at the folder of the spec. In it, `instances` lists mappings of `id`,
    `region`, `address` (one, or a list), and if they are known `port` (of PostgreSQL), `kind` (`machine` or
    `database`), `network`, `account` and `tags`.

    Needs
    -----
    The file must be readable. It holds no secrets.

    Example
    -------
        dtsrun_inventory: 1
        instances:
          - {id: ins-7g2k9d4s, region: ap-guangzhou, address: 10.0.3.17, kind: machine, network: vpc-8d2m7c1q}
          - {id: postgres-1a2b3c4d, region: ap-guangzhou, address: 10.0.5.4, port: 5432, account: "100001234567"}

    Limits
    ------
    What the file says is believed. It is read as a whole: at most a megabyte. Roles of other accounts mean nothing to
    it.
    """

    name = "inventory.file"
    options = {
        "properties": {"path": {"description": "Path of the file.", "type": "string", "minLength": 1}},
        "required": ["path"],
    }

    def find(self, wanted: WantedInstance, options: Mapping[str, Any], context: AccessContext) -> Instance:
        """Return the instance that the file lists."""
        path = context.spec_folder / str(options["path"])
        listed = _read(path)
        return _instance(_entry(wanted, listed, str(path)))


def _read(path: Path) -> Sequence[Mapping[str, Any]]:
    """Return what a file lists. Raises InvalidSpec, with the place of all that is wrong."""
    try:
        with path.open("rb") as stream:
            document = read_document(stream.read(MAX_BYTES + 1), str(path))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        hint = "name another in access.inventory: {type: file, path: ...}; a relative path starts at the spec's folder"
        raise AccessError(f"the inventory {path} cannot be read: {reason}", hint=hint) from error
    violations = [*document.violations, *violations_of(document, SCHEMA)]
    violations += [] if violations else _doubles(document)
    if violations:
        raise InvalidSpec(str(path), violations)
    instances: Sequence[Mapping[str, Any]] = document.data["instances"]
    return instances


def _doubles(document: Document) -> Iterator[Violation]:
    seen: dict[tuple[str, str], int] = {}
    for index, entry in enumerate(document.data["instances"]):
        key = (entry["id"], entry["region"])
        if key in seen:
            first = document.place(("instances", seen[key]))
            message = f"{entry['id']} of {entry['region']} is listed twice; first at line {first.line}"
            yield document.violation(("instances", index, "id"), message)
        seen.setdefault(key, index)


def _entry(wanted: WantedInstance, listed: Sequence[Mapping[str, Any]], path: str) -> Mapping[str, Any]:
    same = [entry for entry in listed if entry["id"] == wanted.id]
    here = [entry for entry in same if entry["region"] == wanted.region]
    if not same:
        near = did_you_mean(wanted.id, [entry["id"] for entry in listed])
        raise AccessError(f"the inventory does not know {wanted}{near}", where=path, hint="add it to the file")
    if not here:
        regions = ", ".join(entry["region"] for entry in same)
        message = f"the inventory knows {wanted} in {regions}, and the spec says region {wanted.region}"
        raise AccessError(message, where=path, hint="mend the region of the endpoint, or the file")
    if here[0].get("kind", wanted.kind) != wanted.kind:
        message = f"{wanted.id} is a {here[0]['kind']}, and the access type looks for a {wanted.kind}"
        hint = "access type self_build_cvm is for machines, database for managed instances"
        raise AccessError(message, where=path, hint=hint)
    return here[0]


def _instance(entry: Mapping[str, Any]) -> Instance:
    address = entry["address"]
    return Instance(
        id=entry["id"],
        region=entry["region"],
        addresses=(address,) if isinstance(address, str) else tuple(address),
        port=entry.get("port"),
        network=entry.get("network"),
        account=entry.get("account"),
    )
