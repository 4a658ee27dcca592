"""The object kind `subscriptions`."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import sql

from dtsrun.api import Database, Entry, ObjectKind, PlanContext


class Subscriptions(ObjectKind):
    """Subscriptions: their definitions, disabled and without a slot

    What it does
    ------------
    Creates each subscription with its connection, publications and options; it does not connect, is disabled, and has
    no slot. It comes after everything else.

    Why it matters
    --------------
    A subscription that starts on the target while the source's own still runs would take the changes away from it:
    both would read one slot. Which of them goes on is decided by the person who cuts over.

    Spec
    ----
    Has no schema: comes along when the whole database is moved.

    Needs
    -----
    A superuser on both ends, or pg_create_subscription on the target (since version 16); others cannot read the
    connection on the source.

    Example
    -------
    ::

        migration: {objects: entire_instance}

    Limits
    ------
    After the cutover: `alter subscription ... set (slot_name = ...)`, `enable`, and `refresh publication`. The state of
    each of its tables stays on the source.
    """

    name = "object.subscriptions"
    entry_types = ("SUBSCRIPTION", "SUBSCRIPTION TABLE")

    def statements(self, entry: Entry, database: Database, context: PlanContext) -> Sequence[str]:
        """Return pg_dump's statement, which does not connect, and one that takes the slot away."""
        if entry.type != "SUBSCRIPTION":
            return []
        without_slot = sql.SQL("alter subscription {} set (slot_name = none)").format(sql.Identifier(entry.name))
        return [entry.sql, without_slot.as_string()]

    def deviations(self, entry: Entry, context: PlanContext) -> Sequence[str]:
        """Say that it is not running."""
        return ["is disabled and has no slot: set its slot, enable and refresh it after the cutover"]
