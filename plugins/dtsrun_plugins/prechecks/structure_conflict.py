"""The target has no objects of the same names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dtsrun.api import CheckContext, Entry, Finding, Fix, Precheck, Severity

HEAVY: Final = frozenset(
    {"TABLE", "VIEW", "MATERIALIZED VIEW", "FOREIGN TABLE", "SEQUENCE", "TYPE", "DOMAIN", "SCHEMA", "COLLATION"}
)
"""Entry types whose doubles cannot be left alone: they hold or shape data."""

SECONDARY: Final = (
    "DATABASE",
    "ACL",
    "COMMENT",
    "DEFAULT",
    "SEQUENCE OWNED BY",
    "TABLE ATTACH",
    "INDEX ATTACH",
    "ROW SECURITY",
)
"""Entry types that only say something of another object, which is named itself. A database that is there is used."""


class StructureConflict(Precheck):
    """The target has no objects of the same names.

    What it does
    ------------
    Compares what is to be created with what each database of the target holds already, by type, schema and name. For
    a whole instance every object that the target's counterpart holds counts, since it should be empty.

    Why it matters
    --------------
    A table of the same name may hold somebody's data. Nothing that dtsrun did not make is touched without a word.

    Spec
    ----
    `migration.on_conflict`: `fail` (the default), `skip` (leave the target's object as it is, with its rows), `drop`
    (drop it first). With `skip` and `drop` the doubles are an alarm.

    Needs
    -----
    Nothing beyond a login on the target.

    Example
    -------
        failed  precheck.structure_conflict  shop.TABLE public.orders exists on the target already

    Limits
    ------
    Objects are compared by name alone; whether the doubles are equal is what `dtsrun verify` says.
    """

    name = "precheck.structure_conflict"
    side = "target"
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every double."""
        for name, database in context.inventory.databases.items():
            doubles = [e for e in context.conflicts(name) if not e.type.startswith(SECONDARY)]
            for entry in doubles:
                yield _double(context, database.target, entry)


def _double(context: CheckContext, target: str, entry: Entry) -> Finding:
    choice = context.spec.on_conflict
    heavy = entry.type in HEAVY
    consequence = {"fail": "", "skip": "; it is left as it is", "drop": "; it will be dropped"}[choice]
    return Finding(
        subject=f"{target}.{entry.label}",
        message=f"{entry.label} exists in {target} on the target already{consequence}",
        observed="exists",
        expected="absent",
        fix=Fix(
            text="empty the target, or set migration.on_conflict to skip or drop",
            sql=(entry.drop_sql.strip(),) if entry.drop_sql.strip() else (),
            side="target",
        ),
        severity=Severity.FAIL if heavy and choice == "fail" else Severity.ALARM,
    )
