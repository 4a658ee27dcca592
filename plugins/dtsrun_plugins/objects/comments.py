"""The object kind `comments`."""

from __future__ import annotations

from collections.abc import Sequence

from dtsrun.api import Database, Entry, ObjectKind, PlanContext


class Comments(ObjectKind):
    """Comments on objects of every kind

    What it does
    ------------
    Sets the comments of all objects and columns when the objects are there. Where the target refuses a comment on an
    extension, as managed servers do, the report says so and the work goes on.

    Why it matters
    --------------
    Comments are where people keep what a table means; some tools (PostgREST, Hasura, documentation generators) read
    them as configuration.

    Spec
    ----
    Nothing to set: it comes along with the object that it belongs to.

    Needs
    -----
    Ownership of the object.

    Example
    -------
    ::

        migration: {objects: entire_instance}

    Limits
    ------
    Comments on databases and roles are set together with these.
    """

    name = "object.comments"
    entry_types = ("COMMENT",)

    def statements(self, entry: Entry, database: Database, context: PlanContext) -> Sequence[str]:
        """Return the statement, but for the database itself, whose name may be another on the target."""
        return [] if entry.name.startswith("DATABASE ") and not entry.schema else [entry.sql]
