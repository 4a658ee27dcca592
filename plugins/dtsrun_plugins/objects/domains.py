"""The object kind `domains`."""

from __future__ import annotations

from dtsrun.api import ObjectKind


class Domains(ObjectKind):
    """Domains and their constraints

    What it does
    ------------
    Creates domains with default, NOT NULL and CHECK constraints under the same names. A constraint that is NOT
    VALID on the source arrives so.

    Why it matters
    --------------
    A CHECK of a domain is tried for every value while rows are copied. One that was added NOT VALID may be
    violated by old rows; validated on the way, it would refuse them.

    Spec
    ----
    Chosen with `{domain: "<schema>.<name>"}` in `include` and `exclude`; everything when nothing is included.

    Needs
    -----
    CREATE on the schema, and membership in the owning role for an account that is not a superuser.

    Example
    -------
    ::

        migration:
          objects:
            databases:
              shop:
                include: [{domain: "public.email"}]

    Limits
    ------
    A check that calls a function which reads a table sees that table as far as it is copied at that moment.
    """

    name = "object.domains"
    entry_types = ("DOMAIN",)
    selector = "domain"
