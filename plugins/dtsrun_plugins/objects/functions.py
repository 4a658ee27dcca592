"""The object kind `functions`."""

from __future__ import annotations

from dtsrun.api import ObjectKind


class Functions(ObjectKind):
    """Functions, overloaded ones included

    What it does
    ------------
    Creates functions with body, volatility, cost, settings and security attributes. Bodies are not checked
    while they are created, since they may name objects that come later.

    Why it matters
    --------------
    Defaults, generated columns, indexes, triggers and policies call functions. A body kept as a string shows no
    dependencies in the catalogs; the relations that it names are found by parsing, so that what uses the
    function waits for their rows.

    Spec
    ----
    Chosen with `{function: "<schema>.<name>"}`: every overload of the name. A pattern with parentheses chooses one:
    `{function: "public.price(integer)"}`.

    Needs
    -----
    CREATE on the schema, and membership in the owning role for an account that is not a superuser. Functions in
    C or internal need a superuser, untrusted languages too.

    Example
    -------
    ::

        migration:
          objects:
            databases:
              shop:
                include: [{function: "public.price*"}]

    Limits
    ------
    A function whose meaning hangs on the caller's search_path can fail inside an index or a check, as it does
    with pg_restore: sessions here have an empty search_path. It is reported by name.
    """

    name = "object.functions"
    entry_types = ("FUNCTION",)
    selector = "function"
