"""Both servers have connections to spare for the task."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files

from dtsrun.api import CheckContext, Finding, Fix, Precheck, Side
from dtsrun.resources import Known, decide_resources
from dtsrun_plugins.prechecks._sessions import session, setting


class ConnectionsFree(Precheck):
    """Both servers have connections to spare for the task.

    What it does
    ------------
    Compares the connections that both servers still have for the account (`max_connections`, less the reserved ones
    and those in use) with what the task opens at most: one for each copy and each index at once, one for each
    snapshot, and a few to look around.

    Why it matters
    --------------
    Where the task takes the last connection, the applications are refused, or its own workers are, in the middle of
    the copy.

    Spec
    ----
    `resources.copy` and `resources.index` say how much is done at once.

    Needs
    -----
    Nothing beyond a login. All versions.

    Example
    -------
        failed  precheck.connections_free  the source has 6 connections left, and 14 are needed
          fix: set resources.copy and resources.index to less, or raise max_connections

    Limits
    ------
    The count is of this moment; a pool that grows later is not foreseen.
    """

    name = "precheck.connections_free"
    side = "both"
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield each server with too few connections."""
        sides: tuple[Side, Side] = ("source", "target")
        for side in sides:
            left, needed = _left(context, side), _needed(context)
            if left < needed:
                most = setting(context, side, "max_connections")
                yield Finding(
                    subject=side,
                    message=f"the {side} has {left} connections left, and {needed} are needed",
                    observed=f"{left} of {most}",
                    expected=f"{needed}",
                    fix=Fix(
                        text="set resources.copy and resources.index to less, end idle sessions, or raise the limit",
                        sql=(f"ALTER SYSTEM SET max_connections = {int(most) + needed - left}",),
                        side=side,
                        takes_effect="restart",
                    ),
                )


def _needed(context: CheckContext) -> int:
    resources, _ = decide_resources(context.spec.resources, Known(context.facts("source"), context.facts("target")))
    at_once = max(2, (resources.copy or 1) + (resources.index or 1))
    # Beside the workers: a snapshot for each database, and one session to look around and hold the task.
    return at_once + len(context.inventory.databases) + 1


def _left(context: CheckContext, side: Side) -> int:
    query = files(__package__).joinpath("connections_free.sql").read_text()
    row = session(context, side).execute(query.encode()).fetchone()
    assert row is not None
    settings = context.facts(side).settings
    reserved = 0 if row.is_superuser else int(settings.get("superuser_reserved_connections", 0))
    if not row.may_use_reserved:
        reserved += int(settings.get("reserved_connections", 0))
    return int(setting(context, side, "max_connections")) - reserved - int(row.used)
