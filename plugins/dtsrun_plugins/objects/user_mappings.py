"""The object kind `user_mappings`."""

from __future__ import annotations

from dtsrun.api import ObjectKind


class UserMappings(ObjectKind):
    """User mappings of foreign servers

    What it does
    ------------
    Creates user mappings with their options, passwords included.

    Why it matters
    --------------
    A foreign table cannot be read without the mapping of the role that reads it.

    Spec
    ----
    Comes along with its server.

    Needs
    -----
    Ownership of the server; on the source a superuser or the server's owner, who alone can read the options.

    Example
    -------
    ::

        migration: {objects: entire_instance}

    Limits
    ------
    Options that the source account may not read are missing on the target, as with pg_dump.
    """

    name = "object.user_mappings"
    entry_types = ("USER MAPPING",)
