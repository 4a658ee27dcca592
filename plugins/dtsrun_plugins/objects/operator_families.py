"""The object kind `operator_families`."""

from __future__ import annotations

from dtsrun.api import ObjectKind


class OperatorFamilies(ObjectKind):
    """Operator families

    What it does
    ------------
    Creates operator families and the loose operators and functions that belong to no class in them.

    Why it matters
    --------------
    Cross-type comparisons live in the family: without them a join of int4 and int8 cannot use the index.

    Spec
    ----
    Comes along with its schema.

    Needs
    -----
    A superuser on the target: PostgreSQL lets nobody else make one.

    Example
    -------
    ::

        migration: {objects: entire_instance}

    Limits
    ------
    Members that an extension added to somebody else's family come with the extension, not from here.
    """

    name = "object.operator_families"
    entry_types = ("OPERATOR FAMILY",)
