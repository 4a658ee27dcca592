"""The object kind `aggregates`."""

from __future__ import annotations

from dtsrun.api import ObjectKind


class Aggregates(ObjectKind):
    """Aggregates, ordered-set and moving ones included

    What it does
    ------------
    Creates aggregates with transition, final, combine and moving functions, initial values, sort operator and
    parallel safety.

    Why it matters
    --------------
    Views and materialized views use them; without the sort operator a min or max cannot use an index.

    Spec
    ----
    Chosen with `{aggregate: "<schema>.<name>"}` in `include` and `exclude`; everything when nothing is included.

    Needs
    -----
    CREATE on the schema, and membership in the owning role for an account that is not a superuser. EXECUTE on
    the functions it is made of.

    Example
    -------
    ::

        migration:
          objects:
            databases:
              shop:
                include: [{aggregate: "public.median*"}]

    Limits
    ------
    The functions of an aggregate must be part of the selection.
    """

    name = "object.aggregates"
    entry_types = ("AGGREGATE",)
    selector = "aggregate"
