"""What is chosen has all that it depends on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from psycopg import sql

from dtsrun.api import CheckContext, Database, Entry, Finding, Fix, Precheck

GRANTEE: Final = re.compile(r'\bTO ("(?:[^"]|"")+"|[^\s;"]+)(?: WITH GRANT OPTION)?;')
"""The grantee of a GRANT as pg_dump writes it."""


class ObjectDependency(Precheck):
    """What is chosen has all that it depends on.

    What it does
    ------------
    Follows the dependencies of every chosen object, those of pg_dump and those that only the bodies of functions show,
    and lists what is not chosen itself. Also lists owners and grantees that neither move nor exist on the target.

    Why it matters
    --------------
    A foreign key to a table that stays behind cannot be created, and a view without its table neither; better to know
    it before the first byte moves.

    Spec
    ----
    `prechecks.policy.checks."precheck.object_dependency"`; it has no options. The finding shows the lines to add to
    `migration.objects.databases.<name>.include` (or to `roles`).

    Needs
    -----
    Nothing beyond a login on both ends.

    Example
    -------
        failed  precheck.object_dependency  shop: TABLE public.customers is needed by FK CONSTRAINT public.orders ...
          fix: add {table: public.customers} to migration.objects.databases.shop.include

    Limits
    ------
    SQL that a function puts together at run time (EXECUTE) is not seen.
    """

    name = "precheck.object_dependency"
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield what is missing, each with the line that adds it."""
        for database in context.inventory.databases.values():
            yield from _unclosed(database)
        yield from _roles(context)


def _unclosed(database: Database) -> Iterator[Finding]:
    lines = ", ".join(database.missing_includes)
    for label, dependents in database.missing.items():
        yield Finding(
            subject=f"{database.name}.{label}",
            message=f"{label} is not chosen, and is needed by {_few(dependents)}",
            observed="not chosen",
            expected="chosen, or what needs it excluded",
            fix=Fix(
                text=f"to close the selection, add to migration.objects.databases.{database.name}.include: [{lines}]"
            ),
            evidence={"needed_by": list(dependents)},
        )


def _few(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"


def _roles(context: CheckContext) -> Iterator[Finding]:
    named: dict[str, str] = {}
    for database in context.inventory.databases.values():
        for entry in database.entries.values():
            for role in _roles_of(entry):
                named.setdefault(role, f"{database.name}.{entry.label}")
    moved = {role.name for role in context.inventory.roles}
    connection = context.target()
    assert connection is not None
    rows = connection.execute("select rolname from pg_catalog.pg_roles").fetchall()
    known = moved | {row.rolname for row in rows} | {"PUBLIC", "public"}
    for role in sorted(set(named) - known):
        statement = sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)).as_string()
        yield Finding(
            subject=f"role {role}",
            message=f"role {role} is named by {named[role]}, and neither moves nor exists on the target",
            observed="missing",
            expected="chosen, or there already",
            fix=Fix(text=f"add it to migration.objects.roles: [{role}], or create it", sql=(statement,), side="target"),
        )


def _roles_of(entry: Entry) -> Iterator[str]:
    if entry.owner:
        yield entry.owner
    if entry.type in ("ACL", "DEFAULT ACL"):
        for quoted in GRANTEE.findall(entry.sql):
            yield quoted[1:-1].replace('""', '"') if quoted.startswith('"') else quoted
