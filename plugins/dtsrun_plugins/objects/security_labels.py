"""The object kind `security_labels`."""

from __future__ import annotations

from collections.abc import Sequence

from dtsrun.api import Database, Entry, ObjectKind, PlanContext


class SecurityLabels(ObjectKind):
    """Security labels of objects

    What it does
    ------------
    Sets the labels that providers such as sepgsql or anon gave to objects and columns, when the objects are there.

    Why it matters
    --------------
    A label is a rule: which role may see a row, which column is masked. A column that loses its mask is a leak.

    Spec
    ----
    Nothing to set: it comes along with the object that it belongs to.

    Needs
    -----
    The provider loaded on the target, and what it asks for.

    Example
    -------
    ::

        migration: {objects: entire_instance}

    Limits
    ------
    A label whose provider is not loaded on the target is reported by name; the object itself is there. Labels of
    databases and roles are not carried.
    """

    name = "object.security_labels"
    entry_types = ("SECURITY LABEL",)

    def statements(self, entry: Entry, database: Database, context: PlanContext) -> Sequence[str]:
        """Return the statement, but for the database itself, whose name may be another on the target."""
        return [] if entry.name.startswith("DATABASE ") and not entry.schema else [entry.sql]
