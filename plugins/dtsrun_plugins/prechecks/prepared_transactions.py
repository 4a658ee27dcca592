"""No prepared transaction is pending on the source."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from dtsrun.api import CheckContext, Finding, Fix, MigrationType, Precheck
from dtsrun_plugins.prechecks._sessions import session


class PreparedTransactions(Precheck):
    """No prepared transaction is pending on the source.

    What it does
    ------------
    Lists the prepared transactions of all databases of the source, not only of the chosen ones.

    Why it matters
    --------------
    The start of a stream waits for every transaction that writes, in any database. A prepared one that was
    forgotten never ends, and the task would wait for ever.

    Spec
    ----
    `prechecks.policy.checks."precheck.prepared_transactions"`; it has no options.

    Needs
    -----
    Nothing beyond a login. All versions.

    Example
    -------
        failed  precheck.prepared_transactions  prepared transaction 'tx-7' of database shop is pending since 2024-03-01
          fix (source): ROLLBACK PREPARED 'tx-7'

    Limits
    ------
    Whether to commit or to roll back, only the application or its transaction manager knows.
    """

    name = "precheck.prepared_transactions"
    side = "source"
    requires = ("precheck.connect",)
    types = frozenset({MigrationType.FULL_INCREMENTAL})

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every prepared transaction."""
        rows = (
            session(context, "source")
            .execute(
                "select gid, database::text as database, owner::text as owner, prepared::text as prepared"
                "  from pg_catalog.pg_prepared_xacts order by prepared"
            )
            .fetchall()
        )
        for row in rows:
            identifier = sql.Literal(row.gid).as_string()
            # A role can be dropped while a transaction that it prepared is pending.
            who = f"{row.owner} or a superuser" if row.owner else "a superuser"
            yield Finding(
                subject=f"database {row.database}",
                message=f"prepared transaction {identifier} of database {row.database} is pending since {row.prepared}",
                observed="pending",
                expected="committed or rolled back",
                fix=Fix(
                    text=f"in database {row.database}, as {who}, run the one that is right",
                    sql=(f"COMMIT PREPARED {identifier}", f"ROLLBACK PREPARED {identifier}"),
                    side="source",
                ),
                evidence=row._asdict(),
            )
