"""Both servers are of known versions, and a target that is older than its source is told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dtsrun.api import CheckContext, Finding, Fix, Precheck, Severity

OLDEST: Final = 10
NEWEST: Final = 18

CAME_WITH: Final = {
    11: "procedures, hash and default partitions, keys and foreign keys of partitioned tables, indexes with INCLUDE",
    12: "stored generated columns, nondeterministic collations, foreign keys to partitioned tables, access methods of"
    " tables",
    13: "trusted extensions, operator classes with parameters, settings of publications of partitioned tables",
    14: "multiranges, functions with a body in SQL (begin atomic), compression by lz4, OUT arguments of procedures",
    15: "UNIQUE NULLS NOT DISTINCT, views with security_invoker, ICU as the locale of a database, row filters,"
    " columns and schemas in publications, grants on parameters",
    16: "collations with ICU rules, options INHERIT and SET of memberships, any_value() in views",
    17: "the builtin locale provider, the privilege MAINTAIN, identity columns of partitioned tables, json_table in"
    " views",
    18: "virtual generated columns, keys WITHOUT OVERLAPS, constraints NOT ENFORCED, NOT NULL constraints that are NOT"
    " VALID, uuidv7() in defaults",
}
"""What users may have that came with a version, and which an older one refuses."""


class Version(Precheck):
    """Both servers are of known versions, and a target that is older than its source is told.

    What it does
    ------------
    Compares the major versions of both servers with each other and with those that dtsrun was tried on (10 to 18).

    Why it matters
    --------------
    A downgrade carries all that both versions know. A definition that only the newer one understands is refused by the
    target: it is named with the server's words and the rest goes on. What came with the versions in between is listed,
    so that somebody looks before. An upgrade is what most migrations are for.

    Spec
    ----
    `prechecks.policy.checks."precheck.version".options`: `differing: alarm` also reports an upgrade, so that somebody
    has to say yes to it (default `silent`).

    Needs
    -----
    Nothing beyond a login.

    Example
    -------
        alarm  precheck.version  the target (PostgreSQL 15.18) is older than the source (16.14): what came since cannot
               be carried, with 16 collations with ICU rules, ...

    Limits
    ------
    Minor versions are not compared. The list names kinds of things, not the objects of the source that are of them.
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
                message=f"the target (PostgreSQL {target.release}) is older than the source ({source.release}):"
                f" {_not_carried(source.major, target.major)}",
                observed=target.release,
                expected=f"{source.major} or later",
                severity=Severity.ALARM,
                fix=Fix(
                    text=f"take a target of version {source.major} or later, or go on if the source has none of these",
                    side="target",
                ),
            )
        if target.major > source.major and context.options["differing"] == "alarm":
            yield Finding(
                subject="target",
                message=f"the task upgrades PostgreSQL {source.major} to {target.major}",
                observed=target.release,
                expected=source.release,
                severity=Severity.ALARM,
            )


def _not_carried(source: int, target: int) -> str:
    came = [f"with {major} {CAME_WITH[major]}" for major in range(target + 1, source + 1) if major in CAME_WITH]
    return f"what came since cannot be carried, {'; '.join(came)}"
