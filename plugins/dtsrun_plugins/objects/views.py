"""The object kind `views`."""

from __future__ import annotations

from dtsrun.api import ObjectKind


class Views(ObjectKind):
    """Views

    What it does
    ------------
    Creates views with their options: security_barrier, security_invoker, check_option. Views that need each
    other in a circle arrive first as a shell with the right columns; the query follows as a rule.

    Why it matters
    --------------
    Views stand on views, functions and tables; pg_dump's order is kept, and a view that cannot be created names
    itself and those that stand on it while the rest goes on.

    Spec
    ----
    Chosen with `{view: "<schema>.<name>"}` in `include` and `exclude`; everything when nothing is included.

    Needs
    -----
    CREATE on the schema, and membership in the owning role for an account that is not a superuser. The
    privileges of a view on what it reads are checked at use, as on the source.

    Example
    -------
    ::

        migration:
          objects:
            databases:
              shop:
                include: [{view: "public.revenue*"}]

    Limits
    ------
    The server writes a view's text anew from its parse tree: `select *` arrives as the columns that it meant.
    """

    name = "object.views"
    entry_types = ("VIEW",)
    selector = "view"
