"""The target can remember how far each stream is applied."""

from __future__ import annotations

from collections.abc import Iterator

from dtsrun.api import CheckContext, Finding, Fix, MigrationType, Precheck
from dtsrun_plugins.prechecks._engine import links, must_pull
from dtsrun_plugins.prechecks._sessions import session, setting


class ReplicationOrigins(Precheck):
    """The target can remember how far each stream is applied.

    What it does
    ------------
    Compares the replication origins that the target may have in use (`max_active_replication_origins` from version
    18 on, `max_replication_slots` before) with those that are there and one for each chosen database.

    Why it matters
    --------------
    Each subscription keeps its place in an origin. Without a free one, its worker ends with an error at every
    start.

    Spec
    ----
    `prechecks.policy.checks."precheck.replication_origins"`; it has no options.

    Needs
    -----
    Nothing beyond a login. All versions.

    Example
    -------
        failed  precheck.replication_origins  the target has 0 free replication origins, and 3 are needed
          fix (target, restart): ALTER SYSTEM SET max_active_replication_origins = 13

    Limits
    ------
    Origins that nobody uses any more count too: they may come to life.
    """

    name = "precheck.replication_origins"
    side = "target"
    requires = ("precheck.connect",)
    types = frozenset({MigrationType.FULL_INCREMENTAL})

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield too few free origins."""
        must_pull(context)
        has_own = context.facts("target").major >= 18
        name = "max_active_replication_origins" if has_own else "max_replication_slots"
        rows = (
            session(context, "target")
            .execute("select roname as name from pg_catalog.pg_replication_origin order by 1")
            .fetchall()
        )
        most = int(setting(context, "target", name))
        needed = links(context) + 1
        if most - len(rows) < needed:
            yield Finding(
                subject=f"target.{name}",
                message=f"the target has {most - len(rows)} free replication origins, and {needed} are needed",
                observed=f"{len(rows)} of {most} taken",
                expected=f"{needed} free",
                fix=Fix(
                    text=f"raise {name}",
                    sql=(f"ALTER SYSTEM SET {name} = {len(rows) + needed}",),
                    side="target",
                    takes_effect="restart",
                ),
                evidence={"origins": [row.name for row in rows]},
            )
