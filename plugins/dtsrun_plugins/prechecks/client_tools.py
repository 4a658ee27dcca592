"""This machine has a pg_dump that is new enough."""

from __future__ import annotations

from collections.abc import Iterator

from dtsrun.api import CheckContext, Finding, Fix, Precheck
from dtsrun.errors import PluginError
from dtsrun.postgres.tools import find_tool


class ClientTools(Precheck):
    """This machine has a pg_dump that is new enough.

    What it does
    ------------
    Looks for a pg_dump that is at least as new as both servers, where the inventory will look for it.

    Why it matters
    --------------
    pg_dump refuses servers that are newer than itself, and without it no definition can be read.

    Spec
    ----
    `prechecks.policy.checks."precheck.client_tools"`; it has no options. `DTSRUN_BIN` names folders to look in.

    Needs
    -----
    Nothing.

    Example
    -------
        failed  precheck.client_tools  no pg_dump of PostgreSQL 19 or later is on this machine

    Limits
    ------
    The program is found, not run.
    """

    name = "precheck.client_tools"
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield a pg_dump that is missing or too old."""
        newest = max(context.facts("source").major, context.facts("target").major)
        try:
            find_tool("pg_dump", at_least=newest)
        except PluginError as error:
            yield Finding(
                subject="pg_dump",
                message=error.message,
                observed="not found",
                expected=f"pg_dump of version {newest} or later",
                fix=Fix(text=error.hint or f"install the client programs of PostgreSQL {newest}"),
            )
