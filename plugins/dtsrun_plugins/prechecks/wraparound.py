"""The databases of the source are far from running out of transaction numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dtsrun.api import CheckContext, Finding, Fix, Precheck, Severity
from dtsrun_plugins.prechecks._sessions import session

LIMIT: Final = 2**31


class Wraparound(Precheck):
    """The databases of the source are far from running out of transaction numbers.

    What it does
    ------------
    Looks at the age of every database of the source, by transactions and by multixacts.

    Why it matters
    --------------
    A snapshot that is held for hours keeps the numbers from being freed. A server that runs out of them takes no
    more writes; near to it, vacuums run at full force and slow the copy.

    Spec
    ----
    `prechecks.policy.checks."precheck.wraparound".options`: `alarm` and `fail`, ages in transactions (default 1.2
    and 1.8 thousand million).

    Needs
    -----
    Nothing beyond a login. All versions.

    Example
    -------
        failed  precheck.wraparound  database shop has used 1900000000 of 2147483648 transaction numbers
          fix (source): VACUUM (FREEZE) in database shop

    Limits
    ------
    Which table holds it back, pg_class.relfrozenxid tells.
    """

    name = "precheck.wraparound"
    side = "source"
    requires = ("precheck.connect",)
    options = {
        "properties": {
            "alarm": {"type": "integer", "minimum": 0, "default": 1_200_000_000, "description": "age that is an alarm"},
            "fail": {"type": "integer", "minimum": 0, "default": 1_800_000_000, "description": "age that fails"},
        }
    }

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every database that is too old, the oldest first."""
        rows = (
            session(context, "source")
            .execute(
                "select datname::text as name, age from pg_catalog.pg_database"
                " cross join lateral (select greatest(age(datfrozenxid), mxid_age(datminmxid)) as age) a"
                " where age >= %s order by age desc",
                [min(context.options["alarm"], context.options["fail"])],
            )
            .fetchall()
        )
        for row in rows:
            yield Finding(
                subject=f"database {row.name}",
                message=f"database {row.name} has used {row.age} of {LIMIT} transaction numbers",
                observed=str(row.age),
                expected=f"less than {context.options['alarm']}",
                fix=Fix(
                    text=f"in database {row.name}, freeze old rows; end transactions and drop slots that hold it back",
                    sql=("VACUUM (FREEZE)",),
                    side="source",
                ),
                severity=Severity.FAIL if row.age >= context.options["fail"] else Severity.ALARM,
            )
