"""No replica identity rests on generated columns."""

from __future__ import annotations

from collections.abc import Iterator

from dtsrun.api import CheckContext, Finding, Fix, MigrationType, Precheck
from dtsrun_plugins.prechecks._catalog import subject_of
from dtsrun_plugins.prechecks._identity import identities


class GeneratedIdentity(Precheck):
    """No replica identity rests on generated columns.

    What it does
    ------------
    Looks for generated columns in the primary key or index that identifies a table's rows, and from version 18 on of
    the source also for any in a table with REPLICA IDENTITY FULL.

    Why it matters
    --------------
    Generated columns are not published by default. A key without one of its columns finds no row on the target; a
    source of version 18 refuses the UPDATE itself: `replica identity must not contain unpublished generated columns`.

    Spec
    ----
    `prechecks.policy.checks."precheck.generated_identity"`; it has no options.

    Needs
    -----
    Nothing beyond a login. Columns are generated since version 12.

    Example
    -------
        failed  precheck.generated_identity  shop.public.docs: the replica identity of public.docs has generated
          columns: slug

    Limits
    ------
    Up to version 17 a target compares rows of FULL tables without generated columns, which works.
    """

    name = "precheck.generated_identity"
    side = "source"
    types = frozenset({MigrationType.FULL_INCREMENTAL})
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every table whose identity is not published in whole."""
        is_strict = context.facts("source").major >= 18
        for database, row in identities(context):
            if row.generated_columns and (row.identity != "f" or is_strict):
                yield Finding(
                    subject=subject_of(database, row),
                    message=f"the replica identity of {row.schema}.{row.name} has generated columns: "
                    f"{row.generated_columns}",
                    observed=row.generated_columns,
                    expected="a unique index over plain columns as the identity",
                    fix=Fix(text="choose an index without generated columns as the replica identity", side="source"),
                )
