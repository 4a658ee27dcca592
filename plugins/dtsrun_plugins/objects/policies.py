"""The object kind `policies`."""

from __future__ import annotations

from dtsrun.api import ObjectKind


class Policies(ObjectKind):
    """Row-level security: policies and their switch

    What it does
    ------------
    Creates policies and switches row security on after the rows are in. FORCE comes with the table.

    Why it matters
    --------------
    A policy that acts while rows are copied hides some of them without an error.

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
    Roles that a policy names must exist on the target.
    """

    name = "object.policies"
    entry_types = ("POLICY", "ROW SECURITY")
