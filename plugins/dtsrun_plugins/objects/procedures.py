"""The object kind `procedures`."""

from __future__ import annotations

from dtsrun.api import ObjectKind


class Procedures(ObjectKind):
    """Procedures

    What it does
    ------------
    Creates procedures with body, settings and security attributes; told apart by their whole signature, as
    overloads are.

    Why it matters
    --------------
    Jobs and applications CALL them by name and argument types.

    Spec
    ----
    Chosen with `{procedure: "<schema>.<name>"}` in `include` and `exclude`; everything when nothing is included.

    Needs
    -----
    CREATE on the schema, and membership in the owning role for an account that is not a superuser. The language
    must exist on the target.

    Example
    -------
    ::

        migration:
          objects:
            databases:
              shop:
                include: [{procedure: "billing.close_month*"}]

    Limits
    ------
    Bodies are not checked: one that names a missing object fails at its first call, as on the source.
    """

    name = "object.procedures"
    entry_types = ("PROCEDURE",)
    selector = "procedure"
