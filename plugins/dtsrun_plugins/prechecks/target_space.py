"""The target has room for the data."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Final

import psycopg

from dtsrun.api import CheckContext, Finding, Fix, MigrationType, Precheck, Severity

GIB: Final = 1024**3


class TargetSpace(Precheck):
    """The target has room for the data.

    What it does
    ------------
    Compares what the chosen databases take on the source, times `ratio`, with the space that the target has left. The
    free space is what the policy says (`available`), or what is seen where the target's data folder is on this
    machine.

    Why it matters
    --------------
    A disk that fills up in the middle of a copy stops the target for everybody.

    Spec
    ----
    `prechecks.policy.checks."precheck.target_space".options`: `ratio` (default 1.2), `available` (bytes).

    Needs
    -----
    To see the data folder: `pg_read_all_settings` on a target of this machine. SQL has no way to ask for the free
    space of another machine: there the check is an alarm until `available` is given.

    Example
    -------
        failed  precheck.target_space  the target has 40.0 GiB left, and 120.0 GiB are needed (1.2 x 100.0 GiB)

    Limits
    ------
    The size of a database counts dead rows, which do not move; indexes are counted, since they are built anew.
    """

    name = "precheck.target_space"
    side = "target"
    requires = ("precheck.connect",)
    types = frozenset({MigrationType.FULL, MigrationType.FULL_INCREMENTAL})
    options = {
        "properties": {
            "ratio": {
                "type": "number",
                "exclusiveMinimum": 0,
                "default": 1.2,
                "description": "how many times the source's size must be free",
            },
            "available": {"type": "integer", "minimum": 0, "description": "free space of the target in bytes"},
        }
    }

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield too little room, or that it cannot be seen."""
        needed = int(_size(context) * context.options["ratio"])
        free = context.options.get("available")
        free = _seen(context) if free is None else free
        if free is None:
            yield Finding(
                subject="target",
                message=f"the free space of the target cannot be seen from here; {needed / GIB:.1f} GiB are needed",
                observed="unknown",
                expected=f"{needed} bytes",
                severity=Severity.ALARM,
                fix=Fix(text="tell it: checks: {precheck.target_space: {options: {available: <bytes>}}}"),
            )
        elif free < needed:
            yield Finding(
                subject="target",
                message=f"the target has {free / GIB:.1f} GiB left, and {needed / GIB:.1f} GiB are needed",
                observed=f"{free} bytes",
                expected=f"{needed} bytes",
                fix=Fix(text="give the target more space, or choose fewer objects", side="target"),
            )


def _size(context: CheckContext) -> int:
    if context.spec.selection.entire_instance:
        return sum(database.bytes for database in context.inventory.databases.values())
    relations = (r for d in context.inventory.databases.values() for r in d.relations.values())
    return sum(relation.bytes for relation in relations)


def _seen(context: CheckContext) -> int | None:
    """Return the free bytes at the target's data folder, where it is a folder of this machine."""
    connection = context.target()
    assert connection is not None
    try:
        row = connection.execute(
            "select pg_catalog.current_setting('data_directory') as folder,"
            " pg_catalog.inet_server_addr() is not distinct from pg_catalog.inet_client_addr() as is_near"
        ).fetchone()
        return shutil.disk_usage(row.folder).free if row and row.is_near else None
    except (psycopg.errors.InsufficientPrivilege, OSError):
        # Not for this account to see, or not on this machine after all.
        return None
