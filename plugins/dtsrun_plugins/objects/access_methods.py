"""The object kind `access_methods`."""

from __future__ import annotations

from dtsrun.api import ObjectKind


class AccessMethods(ObjectKind):
    """Access methods for tables and indexes

    What it does
    ------------
    Creates access methods; tables and indexes then name them.

    Why it matters
    --------------
    A table keeps the method that stores it.

    Spec
    ----
    Has no schema: comes along when the whole database is moved.

    Needs
    -----
    A superuser on the target: PostgreSQL lets nobody else make one. The handler's library has to be there.

    Example
    -------
    ::

        migration: {objects: entire_instance}

    Limits
    ------
    Access methods that an extension brings come with the extension.
    """

    name = "object.access_methods"
    entry_types = ("ACCESS METHOD",)
