"""The object kind `constraints`."""

from __future__ import annotations

from dtsrun.api import ObjectKind


class Constraints(ObjectKind):
    """Primary keys, unique, exclusion and separate check constraints

    What it does
    ------------
    Adds them after the rows of their table: deferrability, INCLUDE columns, NULLS NOT DISTINCT, temporal keys
    and comments as on the source. What is NOT VALID stays so.

    Why it matters
    --------------
    A constraint added once over all rows costs one pass; checked row by row it costs the most of a copy. Old
    rows may violate a check that was added NOT VALID.

    Spec
    ----
    Nothing to set: it comes along with the object that it belongs to.

    Needs
    -----
    Ownership of the table.

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
    Checks that stand inside CREATE TABLE are tried for each row while it is copied, as pg_restore does; one
    that reads another table can refuse rows that are right.
    """

    name = "object.constraints"
    entry_types = ("CONSTRAINT", "CHECK CONSTRAINT")
