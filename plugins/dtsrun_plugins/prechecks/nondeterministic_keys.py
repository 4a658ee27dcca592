"""Keys that tell rows take unlike texts for unlike."""

from __future__ import annotations

from collections.abc import Iterator

from dtsrun.api import CheckContext, Finding, Fix, MigrationType, Precheck, Severity
from dtsrun_plugins.prechecks._catalog import catalog_rows, subject_of


class NondeterministicKeys(Precheck):
    """Keys that tell rows take unlike texts for unlike.

    What it does
    ------------
    Looks for primary keys and identity indexes over columns with a nondeterministic collation (`deterministic =
    false`): 'Anna' and 'anna' are then one key.

    Why it matters
    --------------
    What counts as equal is a matter of the ICU library, whose versions differ from machine to machine. Two keys of the
    source may be one on the target: the second row is refused, and changes find the wrong row.

    Spec
    ----
    `prechecks.policy.checks."precheck.nondeterministic_keys"`; it has no options.

    Needs
    -----
    Nothing beyond a login. Such collations exist since version 12.

    Example
    -------
        alarm  precheck.nondeterministic_keys  shop.public.users: key users_pkey of public.users rests on login, whose
          collation caseless is nondeterministic

    Limits
    ------
    The versions of ICU on both ends are not compared here. Index expressions are not looked at.
    """

    name = "precheck.nondeterministic_keys"
    side = "source"
    severity = Severity.ALARM
    types = frozenset({MigrationType.FULL_INCREMENTAL})
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every column of such a key."""
        for database, row in catalog_rows(context, "nondeterministic_keys.sql"):
            yield Finding(
                subject=subject_of(database, row),
                message=f"key {row.index} of {row.schema}.{row.name} rests on {row.column}, whose collation "
                f"{row.collation} is nondeterministic",
                observed=f"collation {row.collation}",
                expected="a deterministic collation, or another identity",
                fix=Fix(text="use the same ICU on both ends, or another column as the identity"),
            )
