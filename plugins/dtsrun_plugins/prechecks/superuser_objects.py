"""What only a superuser may create is created by one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from dtsrun.api import CheckContext, Database, Entry, Finding, Fix, Precheck, Severity
from dtsrun_plugins.prechecks._catalog import catalog_rows
from dtsrun_plugins.prechecks._function_use import ROUTINES

TYPES: Final = frozenset(
    {
        "ACCESS METHOD",
        "EVENT TRIGGER",
        "FOREIGN DATA WRAPPER",
        "OPERATOR CLASS",
        "OPERATOR FAMILY",
        "TEXT SEARCH PARSER",
        "TEXT SEARCH TEMPLATE",
    }
)
"""Entry types that take a superuser in any form."""

PARTS: Final = {"CAST": " WITHOUT FUNCTION", "TYPE": "\n    INPUT = ", "PUBLICATION": " FOR ALL TABLES"}
"""Entry types that take a superuser if their statement says this."""


class SuperuserObjects(Precheck):
    """What only a superuser may create is created by one.

    What it does
    ------------
    Where the target's account is no superuser, names the chosen objects that PostgreSQL lets only superusers create:
    functions in untrusted languages, LEAKPROOF functions, base types, operator classes, event triggers, and the like.

    Why it matters
    --------------
    Managed services give no superuser, so that these objects are refused, with all that is built on them.

    Spec
    ----
    `prechecks.policy.checks."precheck.superuser_objects"`; it has no options.

    Needs
    -----
    Nothing beyond a login on both ends. All versions.

    Example
    -------
        alarm  precheck.superuser_objects  shop.FUNCTION public.lookup(text): only a superuser may create FUNCTION
          public.lookup(text) (language plpython3u)

    Limits
    ------
    Some services let their own administrator create some of them (event triggers, mostly); hence an alarm.
    """

    name = "precheck.superuser_objects"
    side = "target"
    severity = Severity.ALARM
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every object that the account is likely not to be let create."""
        if context.facts("target").is_superuser:
            return
        functions: dict[tuple[str, int], Any] = {
            (database.name, row.function): row for database, row in catalog_rows(context, "c_functions.sql")
        }
        for database in context.inventory.databases.values():
            for entry in database.entries.values():
                why = _reason(entry, functions.get((database.name, entry.oid)) if entry.catalog == ROUTINES else None)
                if why and entry.type not in ("ACL", "COMMENT"):
                    yield _finding(database, entry, why)


def _reason(entry: Entry, function: Any) -> str:
    if function:
        return "leakproof" if function.is_trusted else f"language {function.language}"
    if entry.type in TYPES or PARTS.get(entry.type, "\0") in entry.sql:
        return entry.type.lower()
    return ""


def _finding(database: Database, entry: Entry, why: str) -> Finding:
    return Finding(
        subject=f"{database.name}.{entry.label}",
        message=f"only a superuser may create {entry.label} ({why})",
        observed="no superuser",
        expected="superuser, or the object not chosen",
        fix=Fix(text="use a superuser on the target, do without the object, or ask the service's operator"),
    )
