"""The object kind `conversions`."""

from __future__ import annotations

from dtsrun.api import ObjectKind


class Conversions(ObjectKind):
    """Encoding conversions

    What it does
    ------------
    Creates conversions between encodings; a default conversion stays the default.

    Why it matters
    --------------
    A default conversion decides what a client of another encoding reads and writes.

    Spec
    ----
    Chosen with `{conversion: "<schema>.<name>"}` in `include` and `exclude`; everything when nothing is included.

    Needs
    -----
    CREATE on the schema and EXECUTE on the function, which is in C.

    Example
    -------
    ::

        migration:
          objects:
            databases:
              shop:
                include: [{conversion: "public.*"}]

    Limits
    ------
    The library of the function must be on the target.
    """

    name = "object.conversions"
    entry_types = ("CONVERSION",)
    selector = "conversion"
