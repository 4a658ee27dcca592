"""The object kind `transforms`."""

from __future__ import annotations

from dtsrun.api import ObjectKind


class Transforms(ObjectKind):
    """Transforms between a type and a language

    What it does
    ------------
    Creates transforms with both their functions.

    Why it matters
    --------------
    A function that uses a transform sees another value without it.

    Spec
    ----
    Has no schema: comes along when the whole database is moved, or with its type.

    Needs
    -----
    Ownership of the type and of the functions, USAGE on the language.

    Example
    -------
    ::

        migration: {objects: entire_instance}

    Limits
    ------
    Transforms that an extension brings come with the extension.
    """

    name = "object.transforms"
    entry_types = ("TRANSFORM",)
