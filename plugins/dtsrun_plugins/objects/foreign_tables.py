"""The object kind `foreign_tables`."""

from __future__ import annotations

from dtsrun.api import ObjectKind


class ForeignTables(ObjectKind):
    """Foreign tables: their definitions

    What it does
    ------------
    Creates foreign tables with columns, constraints and options. No rows are copied: they live elsewhere.

    Why it matters
    --------------
    Queries and views name them as they name tables.

    Spec
    ----
    Chosen with `{foreign_table: "<schema>.<name>"}` in `include` and `exclude`; everything when nothing is included.

    Needs
    -----
    USAGE on the foreign server.

    Example
    -------
    ::

        migration:
          objects:
            databases:
              shop:
                include: [{foreign_table: "public.remote_*"}]

    Limits
    ------
    Whether the far server answers is not tried.
    """

    name = "object.foreign_tables"
    entry_types = ("FOREIGN TABLE",)
    selector = "foreign_table"
