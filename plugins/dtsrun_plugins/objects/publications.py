"""The object kind `publications`."""

from __future__ import annotations

from dtsrun.api import ObjectKind


class Publications(ObjectKind):
    """Publications, with row filters and column lists

    What it does
    ------------
    Creates publications and adds their tables and schemas, with filters, column lists and the published
    operations.

    Why it matters
    --------------
    Subscribers of the source are pointed to the target after the cutover; the publication has to be there.

    Spec
    ----
    Has no schema: comes along when the whole database is moved.

    Needs
    -----
    CREATE on the database and ownership of the tables; a superuser for ALL TABLES and TABLES IN SCHEMA.

    Example
    -------
    ::

        migration: {objects: entire_instance}

    Limits
    ------
    Slots are not carried: a subscriber has to be attached anew.
    """

    name = "object.publications"
    entry_types = ("PUBLICATION", "PUBLICATION TABLE", "PUBLICATION TABLES IN SCHEMA")
