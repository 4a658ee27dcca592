"""The object kind `types`."""

from __future__ import annotations

from dtsrun.api import ObjectKind


class Types(ObjectKind):
    """Enums, composites, ranges, base types and shells

    What it does
    ------------
    Creates user-defined types in pg_dump's order: a base type first as a shell, then its functions, then
    itself; a range together with its multirange. Labels of an enum keep their order.

    Why it matters
    --------------
    Columns hold values of these types: an enum whose labels stand in another order sorts its rows in another
    order.

    Spec
    ----
    Chosen with `{type: "<schema>.<name>"}` in `include` and `exclude`; everything when nothing is included.

    Needs
    -----
    CREATE on the schema, and membership in the owning role for an account that is not a superuser. Base types
    need a superuser.

    Example
    -------
    ::

        migration:
          objects:
            databases:
              shop:
                include: [{type: "public.mood"}]

    Limits
    ------
    A base type needs its C library, at the same name, on the target. Oids of types differ on the target;
    nothing that is stored in ordinary columns refers to them, but values of regtype columns are compared by
    name.
    """

    name = "object.types"
    entry_types = ("TYPE", "SHELL TYPE")
    selector = "type"
