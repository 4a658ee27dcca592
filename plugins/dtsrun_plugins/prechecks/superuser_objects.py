"""The target account may create what only superusers create."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from dtsrun.api import CheckContext, Entry, Finding, Fix, Precheck, Severity

TYPES: Final = frozenset(
    {
        "EVENT TRIGGER",
        "ACCESS METHOD",
        "FOREIGN DATA WRAPPER",
        "PROCEDURAL LANGUAGE",
        "OPERATOR CLASS",
        "OPERATOR FAMILY",
        "SHELL TYPE",
        "TEXT SEARCH PARSER",
        "TEXT SEARCH TEMPLATE",
    }
)
"""Entries of pg_dump; a base type is known by its shell."""
IN_C: Final = re.compile(r"^ +LANGUAGE (c|internal)\b", re.MULTILINE)


class SuperuserObjects(Precheck):
    """The target account may create what only superusers create.

    What it does
    ------------
    Where the account of the target is no superuser, lists chosen objects that PostgreSQL lets only a superuser create:
    event triggers, access methods, foreign-data wrappers, languages, operator classes and families, base types, text
    search parsers and templates, and functions in C.

    Why it matters
    --------------
    They fail one by one, and with them all that depends on them: a column of such a type takes its table along.

    Spec
    ----
    `prechecks.policy.checks`; it has no options.

    Needs
    -----
    Nothing beyond a login on both ends.

    Example
    -------
        alarm  precheck.superuser_objects  migrator is no superuser of the target, and may not create EVENT TRIGGER ...

    Limits
    ------
    Managed services let roles of their own create some of these.
    """

    name = "precheck.superuser_objects"
    side = "target"
    severity = Severity.ALARM
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every object that the account may not create."""
        facts = context.facts("target")
        if facts.is_superuser:
            return
        for database in context.inventory.databases.values():
            for entry in database.entries.values():
                if _takes_superuser(entry):
                    yield _finding(database.name, entry.label, facts.current_user)


def _takes_superuser(entry: Entry) -> bool:
    in_c = entry.type in ("FUNCTION", "PROCEDURE", "AGGREGATE") and IN_C.search(entry.sql) is not None
    return in_c or entry.type in TYPES


def _finding(database: str, label: str, account: str) -> Finding:
    return Finding(
        subject=f"{database}.{label}",
        message=f"{account} is no superuser of the target, and may not create {label}",
        observed="no superuser",
        expected="superuser, or the object left out",
        fix=Fix(text="use a superuser on the target, or exclude the object", side="target"),
    )
