"""The target is not a standby."""

from __future__ import annotations

from collections.abc import Iterator

from dtsrun.api import CheckContext, Finding, Fix, Precheck
from dtsrun_plugins.prechecks._sessions import session


class TargetStandby(Precheck):
    """The target is not a standby.

    What it does
    ------------
    Asks the target whether it is in recovery, i.e. follows another server.

    Why it matters
    --------------
    A standby takes no writes at all. A reader address of a managed service is a standby.

    Spec
    ----
    `prechecks.policy.checks."precheck.target_standby"`; it has no options.

    Needs
    -----
    Nothing beyond a login. All versions.

    Example
    -------
        failed  precheck.target_standby  the target is a standby, which takes no writes

    Limits
    ------
    A failover after the check is not foreseen.
    """

    name = "precheck.target_standby"
    side = "target"
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield a target in recovery."""
        row = session(context, "target").execute("select pg_catalog.pg_is_in_recovery() as is_standby").fetchone()
        if row and row.is_standby:
            yield Finding(
                subject="target",
                message="the target is a standby, which takes no writes",
                observed="in recovery",
                expected="a primary server",
                fix=Fix(
                    text="name the address of the primary, or promote this one (from version 12 on)",
                    sql=("SELECT pg_catalog.pg_promote();",),
                    side="target",
                ),
            )
