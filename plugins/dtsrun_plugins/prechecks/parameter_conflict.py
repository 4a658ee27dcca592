"""Parameters that change what values mean are alike on both ends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from psycopg import sql

from dtsrun.api import CheckContext, Finding, Fix, Precheck, Severity
from dtsrun_plugins.prechecks._sessions import session

PARAMETERS: Final = (
    "TimeZone",
    "lc_monetary",
    "lc_numeric",
    "array_nulls",
    "DateStyle",
    "extra_float_digits",
    "gin_fuzzy_search_limit",
    "xmlbinary",
    "constraint_exclusion",
)


class ParameterConflict(Precheck):
    """Parameters that change what values mean are alike on both ends.

    What it does
    ------------
    Compares the server-wide values of TimeZone, lc_monetary, lc_numeric, array_nulls, DateStyle, extra_float_digits,
    gin_fuzzy_search_limit, xmlbinary and constraint_exclusion. lc_monetary counts where a chosen table has a column of
    type money. What both servers leave at their built-in default is alike, though the defaults of versions differ.

    Why it matters
    --------------
    The copy itself does not depend on them: dtsrun sets its own. The application does: after the cutover the same query
    may give another hour, another order of day and month, or other digits.

    Spec
    ----
    `prechecks.policy.checks`; it has no options. Values attached to databases and roles move along.

    Needs
    -----
    Nothing beyond a login on both ends.

    Example
    -------
        alarm  precheck.parameter_conflict  TimeZone is Europe/Rome on the source and UTC on the target

    Limits
    ------
    The encoding of each database is compared by `precheck.database_encoding`.
    """

    name = "precheck.parameter_conflict"
    severity = Severity.ALARM
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every parameter that differs."""
        ours, theirs = context.facts("source").settings, context.facts("target").settings
        for name in PARAMETERS:
            differs = _common(ours.get(name, "")) != _common(theirs.get(name, ""))
            if differs and _matters(name, context) and not _is_default(name, context):
                yield _finding(name, ours.get(name, ""), theirs.get(name, ""))


def _common(value: str) -> str:
    """Return one spelling of names that mean the same: en_US.UTF-8 and en_US.utf8, UTC and Etc/UTC."""
    plain = value.lower().replace("utf-8", "utf8").replace(" ", "").removeprefix("etc/")
    return {"posix": "c", "c.utf8": "c", "gmt": "utc", "uct": "utc", "universal": "utc", "zulu": "utc"}.get(
        plain, plain
    )


def _matters(name: str, context: CheckContext) -> bool:
    relations = (r for d in context.inventory.databases.values() for r in d.relations.values())
    return name != "lc_monetary" or any(column.type == "money" for r in relations for column in r.columns)


def _is_default(name: str, context: CheckContext) -> bool:
    query = "select from pg_catalog.pg_settings where name = %s and reset_val = boot_val"
    ends = session(context, "source"), session(context, "target")
    # initdb chooses time zone and locales by its machine, whatever is built in.
    return not name.startswith("lc_") and all(end.execute(query, [name]).fetchone() is not None for end in ends)


def _finding(name: str, ours: str, theirs: str) -> Finding:
    statement = sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), sql.Literal(ours)).as_string()
    return Finding(
        subject=name,
        message=f"{name} is {ours} on the source and {theirs} on the target",
        observed=theirs,
        expected=ours,
        fix=Fix(text="set it as on the source", sql=(statement,), side="target", takes_effect="reload"),
    )
