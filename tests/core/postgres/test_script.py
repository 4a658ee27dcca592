"""Scripts run as psql runs them, plain dumps included."""

from __future__ import annotations

from pathlib import Path

import pytest

from dtsrun.api import Route
from dtsrun.errors import MigrationError
from dtsrun.postgres.script import read_script, run_script, run_text
from dtsrun.postgres.session import connect
from dtsrun.postgres.tools import find_tool, run_tool


def statements(text: str) -> list[str]:
    return [command.sql.strip() for command in read_script(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("select 1; select 2", ["select 1;", "select 2"]),
        ("select ';'; select 2;", ["select ';';", "select 2;"]),
        ("select 'it''s;'; select 2;", ["select 'it''s;';", "select 2;"]),
        (r"select E'\';'; select 2;", [r"select E'\';';", "select 2;"]),
        ('select 1 as "a;""b"; select 2;', ['select 1 as "a;""b";', "select 2;"]),
        ("select $$;$$; select $a$ $$;$b$ $a$;", ["select $$;$$;", "select $a$ $$;$b$ $a$;"]),
        ("select a$1$; select 2$;", ["select a$1$;", "select 2$;"]),
        ("select 1 -- one; two\n; select 2;", ["select 1 -- one; two\n;", "select 2;"]),
        ("select 1 /* ; /* ; */ ; */ ; select 2;", ["select 1 /* ; /* ; */ ; */ ;", "select 2;"]),
        ("create rule r as on insert to t do (select 1; select 2); x;", [
            "create rule r as on insert to t do (select 1; select 2);", "x;",
        ]),
        ("-- nothing\n/* at all; */\n", []),
        ("", []),
        (";;", [";", ";"]),
    ],
)  # fmt: skip
def test_a_semicolon_ends_a_statement_only_where_it_stands_alone(text: str, expected: list[str]) -> None:
    assert statements(text) == expected


def test_the_body_of_a_routine_stays_whole() -> None:
    function = (
        "create or replace function f() returns int begin atomic\n"
        "  select case when true then 1 else 2 end;\n  select 3;\nend;"
    )
    assert statements(f"{function}\nselect 4;") == [function, "select 4;"]
    assert statements("begin; select 1; end; select 2;") == ["begin;", "select 1;", "end;", "select 2;"]


def test_commands_know_their_lines() -> None:
    text = "-- title\n\nselect 1;\n\n  select\n  2;\n\\connect shop\nselect 3;"
    assert [command.line for command in read_script(text)] == [3, 5, 7, 8]


def test_rows_of_copy_are_not_statements() -> None:
    text = "copy t (a, b) from stdin;\n1\tone;\n2\t'two\n\\.\nselect 1;\n"
    first, second = read_script(text)
    assert (first.rows, second.sql) == ("1\tone;\n2\t'two\n", "select 1;")


@pytest.mark.parametrize(
    ("command", "name"), [("\\connect shop", "shop"), ("\\c shop", "shop"), ('\\connect "My ""Shop"', 'My "Shop')]
)
def test_connect_names_a_database(command: str, name: str) -> None:
    assert [each.connect for each in read_script(f"{command}\n")] == [name]


def test_other_commands_of_psql_are_refused_with_their_place() -> None:
    with pytest.raises(MigrationError, match=r"shop.sql:2: the command of psql \\i is not known here"):
        list(read_script("select 1;\n\\i other.sql\n", "shop.sql"))


def test_guards_of_newer_dumps_have_no_effect() -> None:
    assert statements("\\restrict abc\nselect 1;\n\\unrestrict abc\n") == ["select 1;"]


def test_each_statement_is_a_transaction_of_its_own(source_route: Route, fresh_database) -> None:
    name = fresh_database(source_route)
    with pytest.raises(MigrationError, match=r'^script:2: relation "missing" does not exist'):
        run_text(source_route, "create table kept (id int);\ninsert into missing values (1);", name)
    with connect(source_route, name) as connection:
        assert connection.execute("select count(*) from public.kept").fetchone().count == 0


def test_what_a_transaction_forbids_can_be_run(source_route: Route, fresh_database) -> None:
    name = fresh_database(source_route)
    run_text(source_route, "create table t (id int);\nvacuum t;\n", name)


def test_settings_are_the_servers_own(source_route: Route, fresh_database) -> None:
    name = fresh_database(source_route)
    run_text(source_route, "create table plain (id int); insert into plain values (1);", name)
    with connect(source_route, name) as connection:
        assert connection.execute("select id from public.plain").fetchone().id == 1


def test_a_percent_sign_is_nothing_special(source_route: Route, fresh_database) -> None:
    run_text(source_route, "select 5 % 2, '%s';", fresh_database(source_route))


def test_a_plain_dump_is_a_script(source_route: Route, target_route: Route, fresh_database, tmp_path: Path) -> None:
    original, copy = fresh_database(source_route), fresh_database(target_route)
    run_text(
        source_route,
        """
        create table t (id int primary key, said text);
        insert into t select i, E'tab\\there; \\\\. it''s ' || i from generate_series(1, 100) i;
        create function f() returns text language sql return (select said from t where id = 1);
        """,
        original,
    )
    dump = tmp_path / "dump.sql"
    run_tool([find_tool("pg_dump", at_least=18), f"--file={dump}"], source_route, original)
    run_script(target_route, dump, copy)
    digest = "select md5(string_agg(t::text, '' order by id)) as md5, public.f() as said from public.t"
    with connect(source_route, original) as one, connect(target_route, copy) as other:
        assert one.execute(digest).fetchone() == other.execute(digest).fetchone()


def test_a_script_may_go_from_database_to_database(source_route: Route, fresh_database, tmp_path: Path) -> None:
    first, second = fresh_database(source_route), fresh_database(source_route)
    path = tmp_path / "two.sql"
    path.write_text(f"create table here (id int);\n\\connect {second}\ncreate table there (id int);\n")
    run_script(source_route, path, first)
    with connect(source_route, second) as connection:
        assert connection.execute("select to_regclass('public.there') is not null as made").fetchone().made
