"""The object kind `triggers`."""

from __future__ import annotations

from dtsrun.api import ObjectKind


class Triggers(ObjectKind):
    """Triggers, in the state that they have

    What it does
    ------------
    Creates triggers and constraint triggers after the rows are in; disabled, ALWAYS and REPLICA triggers keep
    their state, on each partition of its own.

    Why it matters
    --------------
    A trigger that fires while rows are copied would change them, or write to other tables twice.

    Spec
    ----
    Nothing to set: it comes along with the object that it belongs to.

    Needs
    -----
    The TRIGGER privilege on the table and EXECUTE on the function; ownership for its state.

    Example
    -------
    ::

        migration:
          objects:
            databases:
              shop:
                include: [{table: "public.orders"}]

    Limits
    ------
    Triggers of foreign keys belong to the constraint.
    """

    name = "object.triggers"
    entry_types = ("TRIGGER",)
