"""Whole rows that stand for a key can be compared."""

from __future__ import annotations

from collections.abc import Iterator

from dtsrun.api import CheckContext, Finding, Fix, MigrationType, Precheck, Severity
from dtsrun_plugins.prechecks._catalog import subject_of
from dtsrun_plugins.prechecks._identity import identities, identity_fix


class IdentityEquality(Precheck):
    """Whole rows that stand for a key can be compared.

    What it does
    ------------
    Looks for tables without a primary key or identity index that have a column whose type has no equality: json, xml,
    point, box, polygon, txid_snapshot and the like, also inside domains and arrays.

    Why it matters
    --------------
    Without a key, REPLICA IDENTITY FULL is the way out, but the target then compares whole rows and stops with `could
    not identify an equality operator`; the stream stands still until somebody drops the table from it.

    Spec
    ----
    `prechecks.policy.checks."precheck.identity_equality"`; it has no options.

    Needs
    -----
    Nothing beyond a login. All versions.

    Example
    -------
        alarm  precheck.identity_equality  shop.public.events: public.events has no key, and rows cannot be compared
          by payload

    Limits
    ------
    Composite types are taken to be comparable.
    Only inserts of such a table are followed, and it is copied anew at completion: hence an alarm. A policy may make it
    fail.
    """

    name = "precheck.identity_equality"
    side = "source"
    severity = Severity.ALARM
    types = frozenset({MigrationType.FULL_INCREMENTAL})
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every table without a key that FULL does not help."""
        for database, row in identities(context):
            if row.unequal_columns and not row.has_key and not row.has_index:
                key = Fix(text="add a primary key; json columns may become jsonb, which can be compared", side="source")
                yield Finding(
                    subject=subject_of(database, row),
                    message=f"{row.schema}.{row.name} has no key, and rows cannot be compared by {row.unequal_columns}",
                    observed=f"no equality: {row.unequal_columns}",
                    expected="a primary key or an identity index",
                    fix=identity_fix(row) if row.candidate else key,
                )
