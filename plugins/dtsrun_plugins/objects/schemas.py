"""The object kind `schemas`."""

from __future__ import annotations

from dtsrun.api import ObjectKind


class Schemas(ObjectKind):
    """Schemas, with their owner

    What it does
    ------------
    Creates the schema and gives it to its owner. The schema `public`, which every new database has, is kept and
    gets the owner, comment and grants of the source. A schema that the target holds already is used as it is.

    Why it matters
    --------------
    Since version 15 `public` belongs to pg_database_owner and ordinary users may not create in it; before,
    everybody could. The source's own rule is carried, so that the application finds the rights that it had.

    Spec
    ----
    Chosen with `{schema: "<name>"}`: the schema and all that is in it.

    Needs
    -----
    CREATE on the database.

    Example
    -------
    ::

        migration:
          objects:
            databases:
              shop:
                include: [{schema: sales}]

    Limits
    ------
    Under `on_conflict: drop` a schema is never dropped: what it holds beside the selected objects would go with
    it.
    """

    name = "object.schemas"
    entry_types = ("SCHEMA",)
    selector = "schema"
