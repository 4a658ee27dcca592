"""The object kind `indexes`."""

from __future__ import annotations

from dtsrun.api import ObjectKind


class Indexes(ObjectKind):
    """Indexes, partitioned ones included

    What it does
    ------------
    Builds each index after the rows of its table. A partitioned index is made for the parent alone; the indexes
    of the partitions are built on their own, several at once, and attached. Statistics targets, CLUSTER ON and
    REPLICA IDENTITY USING INDEX come with it.

    Why it matters
    --------------
    Rows load several times faster without indexes, and an index built over all rows is compact.

    Spec
    ----
    Nothing to set: it comes along with the object that it belongs to. `resources: {index: N}` says how many are
    built at once.

    Needs
    -----
    Ownership of the table; space for sorting in temporary files.

    Example
    -------
    ::

        resources: {index: 4}

    Limits
    ------
    A unique index fails where the rows violate it, which happens where the source's own index was corrupt; it
    is reported by name, the rows stay.
    """

    name = "object.indexes"
    entry_types = ("INDEX", "INDEX ATTACH")
