"""What views take from the system catalogs is there on the target."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dtsrun.api import CheckContext, Connection, Finding, Fix, Precheck
from dtsrun_plugins.prechecks._catalog import catalog_rows, subject_of


class SystemViews(Precheck):
    """What views take from the system catalogs is there on the target.

    What it does
    ------------
    Reads from the stored rules of views and materialized views which columns of system catalogs and which built-in
    functions they use, and asks the target whether it has them.

    Why it matters
    --------------
    Views for monitoring read `pg_stat_bgwriter`, `pg_stat_wal` and the like, whose columns come and go with versions.
    Such a view cannot be created on the target, nor anything above it.

    Spec
    ----
    `prechecks.policy.checks."precheck.system_views"`; it has no options.

    Needs
    -----
    Nothing beyond a login on both ends. All versions.

    Example
    -------
        failed  precheck.system_views  shop.public.checkpoints: view public.checkpoints uses the column
          pg_catalog.pg_stat_bgwriter.checkpoints_timed, which the target does not have

    Limits
    ------
    Functions are known by name alone; what functions of the database do inside is not looked through.
    """

    name = "precheck.system_views"
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every use of something that the target lacks."""
        # FirstLowInvalidHeapAttributeNumber rose by one when version 12 did away with the column oid.
        lowest = 7 if context.facts("source").major >= 12 else 8
        rows = list(catalog_rows(context, "system_views.sql", lowest=lowest))
        connection = context.target()
        assert connection is not None
        known = _known(connection, {(row.owner, row.used) for _, row in rows})
        for database, row in rows:
            if (row.owner, row.used) not in known:
                yield Finding(
                    subject=subject_of(database, row),
                    message=f"view {row.schema}.{row.name} uses the {row.kind} {row.owner}.{row.used}, which the "
                    "target does not have",
                    observed=f"{row.owner}.{row.used}",
                    expected="what the target has",
                    fix=Fix(text="write the view for the target's version, or do not choose it", side="source"),
                )


def _known(connection: Connection, names: set[tuple[str, str]]) -> set[tuple[Any, ...]]:
    """Return those of the names, each with its schema or relation, that the target has."""
    rows = connection.execute(
        "select s.nspname || '.' || c.relname as owner, a.attname::text as used"
        "  from pg_catalog.pg_attribute a"
        "  join pg_catalog.pg_class c on c.oid = a.attrelid and c.oid < 16384"
        "  join pg_catalog.pg_namespace s on s.oid = c.relnamespace"
        " where s.nspname || '.' || c.relname = any (%(owners)s) and not a.attisdropped"
        " union all "
        "select s.nspname::text, p.proname::text"
        "  from pg_catalog.pg_proc p join pg_catalog.pg_namespace s on s.oid = p.pronamespace"
        " where s.nspname = any (%(owners)s) and p.oid < 16384",
        {"owners": sorted({owner for owner, _ in names})},
    )
    return {tuple(row) for row in rows}
