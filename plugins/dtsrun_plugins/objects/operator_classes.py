"""The object kind `operator_classes`."""

from __future__ import annotations

from dtsrun.api import ObjectKind


class OperatorClasses(ObjectKind):
    """Operator classes

    What it does
    ------------
    Creates operator classes for every index access method, with their operators, support functions and storage
    type; a default class stays the default.

    Why it matters
    --------------
    An index says how it sorts by its operator class; with another one it would be another index.

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
    The family that a class made for itself is created together with it.
    """

    name = "object.operator_classes"
    entry_types = ("OPERATOR CLASS",)
