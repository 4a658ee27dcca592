"""The object kind `collations`."""

from __future__ import annotations

from dtsrun.api import ObjectKind


class Collations(ObjectKind):
    """Collations

    What it does
    ------------
    Creates collations with provider, locale, rules and determinism.

    Why it matters
    --------------
    Text indexes are only right for the collation that they were built with; here every index is built anew on
    the target, under the target's own version of the locale.

    Spec
    ----
    Chosen with `{collation: "<schema>.<name>"}` in `include` and `exclude`; everything when nothing is included.

    Needs
    -----
    CREATE on the schema, and membership in the owning role for an account that is not a superuser. The locale
    must be known to the target's operating system or ICU.

    Example
    -------
    ::

        migration:
          objects:
            databases:
              shop:
                include: [{collation: "public.german"}]

    Limits
    ------
    The version recorded in the source is not carried: the target notes its own. Two operating systems may sort
    one locale differently.
    """

    name = "object.collations"
    entry_types = ("COLLATION",)
    selector = "collation"
