"""The object kind `foreign_servers`."""

from __future__ import annotations

from dtsrun.api import ObjectKind


class ForeignServers(ObjectKind):
    """Foreign servers

    What it does
    ------------
    Creates the definitions of foreign servers with type, version and options.

    Why it matters
    --------------
    Foreign tables and user mappings name them.

    Spec
    ----
    Has no schema: comes along when the whole database is moved.

    Needs
    -----
    USAGE on the wrapper.

    Example
    -------
    ::

        migration: {objects: entire_instance}

    Limits
    ------
    The address in the options is carried as it is; whether the target can reach it is not checked here.
    """

    name = "object.foreign_servers"
    entry_types = ("SERVER",)
