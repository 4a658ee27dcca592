"""The object kind `foreign_data_wrappers`."""

from __future__ import annotations

from dtsrun.api import ObjectKind


class ForeignDataWrappers(ObjectKind):
    """Foreign data wrappers

    What it does
    ------------
    Creates wrappers with handler, validator and options.

    Why it matters
    --------------
    Servers, user mappings and foreign tables stand on them.

    Spec
    ----
    Has no schema: comes along when the whole database is moved.

    Needs
    -----
    A superuser on the target: PostgreSQL lets nobody else make one.

    Example
    -------
    ::

        migration: {objects: entire_instance}

    Limits
    ------
    Wrappers that an extension brings (postgres_fdw) come with the extension.
    """

    name = "object.foreign_data_wrappers"
    entry_types = ("FOREIGN DATA WRAPPER",)
