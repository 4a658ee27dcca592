"""Cases of checks in YAML are set up, judged as a task would, and compared."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dtsrun.api import CheckContext, Connection, Finding, MigrationType, Precheck, SkipCheck, Undetermined
from dtsrun.testing.cases import Case, RunCase, load_cases

TABLES = "select relname from pg_catalog.pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"


class SameTables(Precheck):
    """The target has the tables of the source."""

    name = "precheck.same_tables"
    types = frozenset({MigrationType.FULL})
    options = {"properties": {"leave_out": {"type": "string", "default": ""}}}

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Compare names."""
        (database,) = context.spec.selection.databases
        target = context.target(database)
        if target is None:
            raise SkipCheck("no database")
        missing = _names(context.source(database)) - _names(target) - {context.options["leave_out"]}
        if "forbidden" in missing:
            raise Undetermined("a forbidden table")
        for name in sorted(missing):
            yield Finding(subject=f"{database}.public.{name}", message="a table is missing", observed="missing")


def _names(connection: Connection) -> set[str]:
    return {row.relname for row in connection.execute(TABLES).fetchall()}


@pytest.mark.parametrize("case", load_cases("cases.yaml", near=__file__), ids=str)
def test_cases(case: Case, run_case: RunCase) -> None:
    run_case(SameTables, case)


WRONG = {
    "another outcome": Case(case="x", source="create table one (id int)", target="", outcome="passed"),
    "another subject": Case(
        case="x",
        source="create table one (id int)",
        target="",
        outcome="failed",
        findings=[{"subject": "{database}.public.two"}],
    ),
    "a finding too many": Case(case="x", source="create table one (id int)", target="", outcome="failed"),
    "a finding too few": Case(case="x", target="", outcome="passed", findings=[{"observed": "missing"}]),
    "another reason": Case(case="x", outcome="skipped", reason="the weather"),
}


@pytest.mark.parametrize("case", WRONG.values(), ids=list(WRONG))
def test_a_case_that_does_not_hold_fails(case: Case, run_case: RunCase) -> None:
    with pytest.raises(AssertionError):
        run_case(SameTables, case)


def test_a_case_with_an_unknown_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cases.yaml").write_text("- {case: x, outcom: failed}\n")
    with pytest.raises(ValueError, match=r"case 1: unknown keys \['outcom'\], missing keys \['outcome'\]"):
        load_cases(tmp_path / "cases.yaml")
