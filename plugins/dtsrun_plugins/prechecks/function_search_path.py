"""Functions that indexes and constraints call find what they name."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dtsrun.api import CheckContext, Entry, Finding, Fix, Precheck, Severity
from dtsrun_plugins.prechecks._catalog import catalog_rows, subject_of
from dtsrun_plugins.prechecks._function_use import named_by


class FunctionSearchPath(Precheck):
    """Functions that indexes and constraints call find what they name.

    What it does
    ------------
    Looks for functions without a search_path of their own that are called by indexes, CHECK constraints, generated
    columns or materialized views, and whose body names tables or functions without their schema.

    Why it matters
    --------------
    A restore runs with an empty search_path (and servers from version 17 on build indexes and refresh with a safe
    one), so that the name is not found: the index is not built, the rows are refused, the view stays empty.

    Spec
    ----
    `prechecks.policy.checks."precheck.function_search_path"`; it has no options.

    Needs
    -----
    Nothing beyond a login. All versions.

    Example
    -------
        alarm  precheck.function_search_path  shop.public.people: public.slug(text), which index people_slug calls,
          names public.unaccented(text) without its schema
          fix (source): ALTER FUNCTION public.slug(text) SET search_path = public;

    Limits
    ------
    Bodies are guessed at as for `precheck.object_dependency`. A function with SET is never inlined, which may cost
    speed; naming the schema in the body costs none.
    """

    name = "precheck.function_search_path"
    side = "source"
    severity = Severity.ALARM
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every function that relies on its caller's search_path."""
        for database, row in catalog_rows(context, "function_use.sql"):
            bare = [] if row.has_path else [e for e in named_by(database, row.function) if _is_bare(e, row.body)]
            if bare:
                names = ", ".join(f"{entry.schema}.{entry.name}" for entry in bare)
                yield Finding(
                    subject=subject_of(database, row),
                    message=f"{row.signature}, which {row.used_by} calls, names {names} without the schema",
                    observed="no search_path of its own",
                    expected="a search_path of its own, or names with their schemas",
                    fix=Fix(
                        text="set its search_path, or name the schemas in its body",
                        sql=(f"ALTER FUNCTION {row.signature} SET search_path = {row.path}",),
                        side="source",
                    ),
                )


def _is_bare(entry: Entry, body: str) -> bool:
    """Return whether a body names an entry without a schema before it."""
    name = entry.name.partition("(")[0]
    return re.search(rf'(?<![\w.$"])"?{re.escape(name)}\b', body, re.IGNORECASE) is not None
