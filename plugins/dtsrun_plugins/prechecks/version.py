"""The target is at least as new as the source, and both are versions that dtsrun knows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dtsrun.api import CheckContext, Finding, Fix, Precheck, Severity

OLDEST: Final = 10
NEWEST: Final = 18


class Version(Precheck):
    """The target is at least as new as the source, and both are versions that dtsrun knows.

    What it does
    ------------
    Compares the major versions of both servers with each other and with those that dtsrun was tried on (10 to 18).

    Why it matters
    --------------
    A definition that a newer server writes may not be understood by an older one, so a downgrade fails somewhere in
    the middle. An upgrade is what most migrations are for.

    Spec
    ----
    `prechecks.policy.checks."precheck.version".options`: `differing: alarm` also reports an upgrade, so that somebody
    has to say yes to it (default `silent`).

    Needs
    -----
    Nothing beyond a login.

    Example
    -------
        failed  precheck.version  the target (PostgreSQL 15.18) is older than the source (16.14)

    Limits
    ------
    Minor versions are not compared.
    """

    name = "precheck.version"
    requires = ("precheck.connect",)
    options = {
        "properties": {
            "differing": {
                "enum": ["silent", "alarm"],
                "default": "silent",
                "description": "what an upgrade (source and target of different major versions) counts as",
            }
        }
    }

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield versions that are not known, a downgrade, and by the policy an upgrade."""
        source, target = context.facts("source"), context.facts("target")
        for side, facts in (("source", source), ("target", target)):
            if not OLDEST <= facts.major <= NEWEST:
                yield Finding(
                    subject=side,
                    message=f"the {side} is PostgreSQL {facts.major}, which dtsrun was not tried on",
                    observed=facts.release,
                    expected=f"{OLDEST} to {NEWEST}",
                    severity=Severity.FAIL if facts.major < OLDEST else Severity.ALARM,
                )
        if target.major < source.major:
            yield Finding(
                subject="target",
                message=f"the target (PostgreSQL {target.release}) is older than the source ({source.release})",
                observed=target.release,
                expected=f"{source.major} or later",
                fix=Fix(text=f"take a target of version {source.major} or later", side="target"),
            )
        if target.major > source.major and context.options["differing"] == "alarm":
            yield Finding(
                subject="target",
                message=f"the task upgrades PostgreSQL {source.major} to {target.major}",
                observed=target.release,
                expected=source.release,
                severity=Severity.ALARM,
            )
