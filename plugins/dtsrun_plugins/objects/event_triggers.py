"""The object kind `event_triggers`."""

from __future__ import annotations

from dtsrun.api import ObjectKind


class EventTriggers(ObjectKind):
    """Event triggers, last of all

    What it does
    ------------
    Creates event triggers in their state after everything else, refreshes of materialized views included.

    Why it matters
    --------------
    One that forbids DDL, or that logs it, would otherwise act on the migration's own statements.

    Spec
    ----
    Has no schema: comes along when the whole database is moved.

    Needs
    -----
    A superuser on the target: PostgreSQL lets nobody else make one.

    Example
    -------
    ::

        migration: {objects: entire_instance}

    Limits
    ------
    Between their creation and completion they act on whoever else works on the target.
    """

    name = "object.event_triggers"
    entry_types = ("EVENT TRIGGER",)
