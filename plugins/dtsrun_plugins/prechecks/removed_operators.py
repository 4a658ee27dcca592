"""Operators and aggregates are of a form that the target takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dtsrun.api import CheckContext, Finding, Fix, Precheck, SkipCheck
from dtsrun_plugins.prechecks._catalog import catalog_rows, subject_of

CHANGED: Final = (
    "array_append(anyarray,anyelement)",
    "array_cat(anyarray,anyarray)",
    "array_prepend(anyelement,anyarray)",
    "array_remove(anyarray,anyelement)",
    "array_replace(anyarray,anyelement,anyelement)",
    "array_position(anyarray,anyelement)",
    "array_position(anyarray,anyelement,integer)",
    "array_positions(anyarray,anyelement)",
    "width_bucket(anyelement,anyarray)",
)
"""Functions that take anycompatiblearray and anycompatible since version 14."""


class RemovedOperators(Precheck):
    """Operators and aggregates are of a form that the target takes.

    What it does
    ------------
    Where the source is older than version 14 and the target is not, looks for operators that stand after their
    operand, and for aggregates and operators over anyarray that rest on functions whose arguments changed.

    Why it matters
    --------------
    Version 14 has no postfix operators, and `array_append`, `array_cat` and others now take anycompatiblearray: these
    objects are refused, with all that uses them. pg_upgrade refuses such a database.

    Spec
    ----
    `prechecks.policy.checks."precheck.removed_operators"`; it has no options.

    Needs
    -----
    Nothing beyond a login. It concerns sources of versions 10 to 13.

    Example
    -------
        failed  precheck.removed_operators  shop.public.collect: aggregate public.collect(anyelement) cannot be created
          on PostgreSQL 18

    Limits
    ------
    All operators and aggregates of a chosen database count, also those that are excluded.
    """

    name = "precheck.removed_operators"
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every object of an old form."""
        target = context.facts("target").major
        if context.facts("source").major >= 14 or target < 14:
            raise SkipCheck("both ends take the same forms")
        for database, row in catalog_rows(context, "removed_operators.sql", changed=list(CHANGED)):
            yield Finding(
                subject=subject_of(database, row),
                message=f"{row.kind} {row.object} cannot be created on PostgreSQL {target}",
                observed=row.kind,
                expected="a form that version 14 takes",
                fix=Fix(text="make it anew over anycompatiblearray, or as a function, or drop it", side="source"),
            )
