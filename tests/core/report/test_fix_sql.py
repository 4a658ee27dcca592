"""Fixes become scripts that are safe to review: nothing is taken away unless its reader says so."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dtsrun.api import CheckResult, Finding, Fix, Outcome, Route, Severity
from dtsrun.postgres.session import connect
from dtsrun.postgres.tools import find_tool, run_tool
from dtsrun.report.checked import Checked
from dtsrun.report.fix_sql import fix_scripts, is_harmless, script_path


def script(*findings: tuple[str, Fix], side: str = "source", check_side: str = "source", **databases: str) -> str:
    """Return the script of one side for fixes by subject."""
    found = tuple(Finding(subject=s, message="m", fix=fix, severity=Severity.FAIL) for s, fix in findings)
    result = CheckResult(check="precheck.x", title="x", side=check_side, outcome=Outcome.FAILED, findings=found)
    at = datetime(2026, 11, 23, 4, 5, tzinfo=UTC)
    checked = Checked(task="shop", spec_path="s.yaml", at=at, results=[result], databases=databases)
    return fix_scripts(checked)[side]  # type: ignore[index] # a side, as a test writes it


def fix(*statements: str, **fields: Any) -> Fix:
    return Fix(text="do it", sql=statements, **{"side": "source", **fields})


def active(text: str) -> list[str]:
    """Return the lines that psql would act on."""
    return [line for line in text.splitlines() if line and not line.startswith("--")]


@pytest.mark.parametrize(
    "statement",
    [
        'grant select on table "a"."drop" to "x"',
        'GRANT USAGE ON SCHEMA "s" TO "m"',
        "alter system set wal_level = 'logical'",
        "alter table only public.t replica identity full",
        "alter role x replication",
        "comment on table t is 'drop it; delete it'",
        "select pg_catalog.pg_reload_conf()",
        "create role a;\n-- drop it later",
        "analyze public.t",
    ],
)
def test_what_only_adds_is_harmless(statement: str) -> None:
    assert is_harmless(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE public.orders",
        "alter table t drop constraint c",
        "grant select on t to m; drop table t",
        "/* grant */ drop table t",
        "create or replace function f() returns int language sql as 'select 1'",
        "delete from t",
        "truncate t",
        "revoke all on t from m",
        "select pg_catalog.pg_terminate_backend(17)",
        "select pg_drop_replication_slot('s')",
        "rollback prepared 'x'",
        "do $$ begin execute 'drop table t'; end $$",
        "alter table t rename to u",
        "alter table t detach partition p",
        "with x as (delete from t returning *) select * from x",
        "grant select on t to m \\g | sh",
        "grant select on t to 'm",
        "vakuum",
        "",
    ],
)
def test_what_takes_away_or_is_not_known_is_not(statement: str) -> None:
    assert not is_harmless(statement)


def test_what_takes_away_is_commented_out_line_by_line() -> None:
    text = script(("shop.t", fix("drop table t\n  cascade", "grant select on u to m")), shop="shop")
    assert "-- drop table t\n--   cascade;" in text
    assert active(text)[-3:] == ["begin;", "grant select on u to m;", "commit;"]


def test_a_name_never_breaks_out_of_its_comment() -> None:
    text = script(("shop.a\ndrop table x;\r\n\x0b\u2028\\! id", fix("grant select on t to m")), **{"a\ndrop": "b"})
    assert [line for line in active(text) if not line.startswith("\\set")] == [
        "begin;",
        "grant select on t to m;",
        "commit;",
    ]


def test_what_cannot_run_in_a_transaction_stands_outside_of_one() -> None:
    first, second = fix("grant a to b", "alter system set x = 1"), fix("grant c to d", takes_effect="restart")
    text = script(("source", first), ("source", second))
    expected = ["begin;", "grant a to b;", "commit;", "alter system set x = 1;", "begin;", "grant c to d;", "commit;"]
    assert active(text)[1:] == expected
    assert text.endswith("-- Restart the server afterwards: some of the above takes effect only then.\n")


def test_a_reload_comes_last_and_once() -> None:
    reload = fix("alter system set x = 1", takes_effect="reload")
    assert script(("source", reload), ("source", reload)).count("pg_reload_conf") == 1


def test_each_database_has_its_part_after_the_servers_own() -> None:
    text = script(
        ("shop.public.t", fix("grant select on t to m")),
        ("role x", fix("alter role x replication")),
        ("shop", fix("grant connect on database shop to m")),
        ("shop_eu.t", fix("grant select on e to m")),
        shop="shop",
        shop_eu="shop_eu",
    )
    headings = [line for line in text.splitlines() if line.startswith("-- ===")]
    assert headings == ["-- === server ===", "-- === database shop ===", "-- === database shop_eu ==="]
    shop = text.partition(headings[1])[2].partition(headings[2])[0]
    assert active(shop)[:2] == ["\\connect -reuse-previous=on \"dbname='shop'\"", "begin;"]
    assert "on database shop" in shop and "on e to" not in shop


def test_on_the_target_a_database_has_its_name_there() -> None:
    text = script(("shop.t", fix("grant a to b", side="target")), side="target", shop="shop_eu")
    assert "dbname='shop_eu'" in text


def test_a_statement_is_written_once() -> None:
    usage = fix("grant usage on schema s to m")
    text = script(("shop.s.t", usage), ("shop.s.u", usage), shop="shop")
    assert text.count("grant usage") == 1
    assert "-- (as above)" in text


def test_waived_findings_and_other_sides_are_left_out() -> None:
    assert "nothing to mend" in script(("shop.t", fix("grant a to b", side="target")), shop="shop")
    waived = Finding(subject="s", message="m", fix=fix("grant a to b"), severity=Severity.OFF)
    result = CheckResult(check="x", title="x", side="source", outcome=Outcome.PASSED, findings=(waived,))
    at = datetime(2026, 11, 23, tzinfo=UTC)
    scripts = fix_scripts(Checked(task="t", spec_path="s", at=at, results=[result]))
    assert all("nothing to mend" in text for text in scripts.values())


def test_a_fix_of_no_named_side_is_shown_on_both_and_runs_on_neither() -> None:
    anywhere = ("end", Fix(text="do it", sql=("alter system set x = 1",)))
    for side in ("source", "target"):
        text = script(anywhere, side=side, check_side="both")
        assert "-- alter system set x = 1;" in text
        assert active(text) == ["\\set ON_ERROR_STOP on"]


def test_a_comment_at_the_end_does_not_swallow_the_semicolon() -> None:
    assert "grant a to b -- so be it\n;" in script(("source", fix("grant a to b -- so be it")))


@pytest.mark.parametrize(
    ("given", "written"),
    [("fix.sql", "fix-source.sql"), ("out/fix", "out/fix-source.sql"), ("a.b.sql", "a.b-source.sql")],
)
def test_the_files_are_named_by_side(given: str, written: str) -> None:
    assert script_path(Path(given), "source") == Path(written)


def test_psql_runs_a_script_against_databases_of_any_name(
    source_route: Route, fresh_database: Any, tmp_path: Path
) -> None:
    odd = fresh_database(source_route, name="o'd\"d \\ x=1 postgresql://")
    with connect(source_route, odd) as connection:
        connection.execute("create table public.t (id int)")
    text = script((f"{odd}.public.t", fix("comment on table public.t is 'seen'", "drop table public.t")), **{odd: odd})
    file = tmp_path / "fix.sql"
    file.write_text(text, "utf-8")
    run_tool(
        [find_tool("psql", at_least=16), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", file], source_route, "postgres"
    )
    with connect(source_route, odd) as connection:
        row = connection.execute("select obj_description('public.t'::regclass) as said").fetchone()
    assert row.said == "seen"
