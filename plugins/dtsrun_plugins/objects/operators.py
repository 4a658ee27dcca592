"""The object kind `operators`."""

from __future__ import annotations

from dtsrun.api import ObjectKind


class Operators(ObjectKind):
    """Operators

    What it does
    ------------
    Creates operators with their function, commutator, negator, selectivity estimators and the hash and merge
    flags.

    Why it matters
    --------------
    Exclusion constraints, operator classes and views name operators; estimators and flags decide which plans
    are possible.

    Spec
    ----
    Chosen with `{operator: "<schema>.<name>"}` in `include` and `exclude`; everything when nothing is included.

    Needs
    -----
    CREATE on the schema, and membership in the owning role for an account that is not a superuser. EXECUTE on
    the function.

    Example
    -------
    ::

        migration:
          objects:
            databases:
              shop:
                include: [{operator: "public.*"}]

    Limits
    ------
    Commutators and negators that point at each other are joined when the second one arrives, as PostgreSQL
    itself does.
    """

    name = "object.operators"
    entry_types = ("OPERATOR",)
    selector = "operator"
