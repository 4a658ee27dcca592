"""The object kind `casts`."""

from __future__ import annotations

from dtsrun.api import ObjectKind


class Casts(ObjectKind):
    """Casts

    What it does
    ------------
    Creates casts by function, by text conversion (INOUT) and without function, with the same context: explicit,
    assignment or implicit.

    Why it matters
    --------------
    An implicit cast changes how every expression with these types is resolved.

    Spec
    ----
    Has no schema: comes along when the whole database is moved, or with its types.

    Needs
    -----
    Ownership of one of the two types; a superuser for casts without function.

    Example
    -------
    ::

        migration: {objects: entire_instance}

    Limits
    ------
    Casts between built-in types are only seen where somebody added them.
    """

    name = "object.casts"
    entry_types = ("CAST",)
