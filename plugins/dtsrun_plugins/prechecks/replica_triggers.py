"""No trigger fires again when a change is applied."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files

from dtsrun.api import CheckContext, Finding, Fix, MigrationType, Precheck, Severity


class ReplicaTriggers(Precheck):
    """No trigger fires again when a change is applied.

    What it does
    ------------
    Looks for triggers and rules that are ENABLE ALWAYS or ENABLE REPLICA, on the source's tables (which arrive so) and
    on tables of the same names that the target has already.

    Why it matters
    --------------
    Changes are applied with `session_replication_role = replica`, under which ordinary triggers are silent. These
    fire, and do once more what the source has done already: audit rows come twice, counters count double.

    Spec
    ----
    `prechecks.policy.checks."precheck.replica_triggers"`; it has no options.

    Needs
    -----
    Nothing beyond a login on both ends. All versions.

    Example
    -------
        alarm  precheck.replica_triggers  shop.public.orders: trigger audit of public.orders on the source fires on
          applied changes too
          fix (source): ALTER TABLE public.orders ENABLE TRIGGER audit;

    Limits
    ------
    What a trigger does is not looked at; one that only maintains a search column does no harm.
    """

    name = "precheck.replica_triggers"
    severity = Severity.ALARM
    types = frozenset({MigrationType.FULL_INCREMENTAL})
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every such trigger and rule of both ends."""
        query = files(__package__).joinpath("replica_triggers.sql").read_text(encoding="utf-8")
        for database in context.inventory.databases.values():
            names = [r.qualified for r in database.relations.values() if r.relkind in ("r", "p")]
            for side, connection in (
                ("source", context.source(database.name)),
                ("target", context.target(database.name)),
            ):
                for row in connection.execute(query, {"names": names}) if connection else ():
                    yield Finding(
                        subject=f"{database.name}.{row.schema}.{row.name}",
                        message=f"{row.kind} {row.object} of {row.schema}.{row.name} on the {side} fires on applied "
                        "changes too",
                        observed="ENABLE ALWAYS or ENABLE REPLICA",
                        expected="enabled in the usual way, or disabled",
                        fix=Fix(
                            text="enable it in the usual way while changes are followed",
                            sql=(row.statement,),
                            side="source" if side == "source" else "target",
                        ),
                    )
