"""The object kind `rules`."""

from __future__ import annotations

from dtsrun.api import ObjectKind


class Rules(ObjectKind):
    """Rules, and the queries of views that need each other

    What it does
    ------------
    Creates rewrite rules, enabled or disabled as on the source, and the query of a view that could not be
    created in one go.

    Why it matters
    --------------
    A rule turns a write into something else. They are created after the rows are in.

    Spec
    ----
    Nothing to set: it comes along with the object that it belongs to.

    Needs
    -----
    Ownership of the table or view.

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
    A view that selects from itself cannot be created by any order of statements; it is reported by name.
    """

    name = "object.rules"
    entry_types = ("RULE",)
