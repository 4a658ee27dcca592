"""The object kind `default_privileges`."""

from __future__ import annotations

from dtsrun.api import ObjectKind


class DefaultPrivileges(ObjectKind):
    """Default privileges

    What it does
    ------------
    Sets what ALTER DEFAULT PRIVILEGES promised to future objects, for each role and schema, after all objects
    are made.

    Why it matters
    --------------
    Set earlier, they would reach the objects of the migration itself, which get exactly the grants that they
    had.

    Spec
    ----
    Comes along with its schema.

    Needs
    -----
    Membership in the role whose defaults they are.

    Example
    -------
    ::

        migration: {objects: entire_instance}

    Limits
    ------
    Defaults of roles that are not moved need these roles on the target.
    """

    name = "object.default_privileges"
    entry_types = ("DEFAULT ACL",)
