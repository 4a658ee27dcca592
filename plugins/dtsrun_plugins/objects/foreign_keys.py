"""The object kind `foreign_keys`."""

from __future__ import annotations

from dtsrun.api import ObjectKind


class ForeignKeys(ObjectKind):
    """Foreign keys, circular ones included

    What it does
    ------------
    Adds each foreign key after the rows and keys of both its tables. What is NOT VALID stays so; actions, match
    type and deferrability are kept.

    Why it matters
    --------------
    Tables that refer to each other in a circle can be filled in no order while the keys stand.

    Spec
    ----
    Nothing to set: it comes along with the object that it belongs to. `migration.stages.indexes.foreign_keys: trusted`
    takes those of large tables on the source's word, see the stage `indexes`.

    Needs
    -----
    Ownership of the referring table, REFERENCES on the other.

    Example
    -------
    ::

        migration:
          objects:
            databases:
              shop:
                include: [{table: "public.orders"}]

    Limits
    ------
    A foreign key fails where rows violate it (disabled triggers on the source allow that); it is reported with
    the first row that does.
    """

    name = "object.foreign_keys"
    entry_types = ("FK CONSTRAINT",)
