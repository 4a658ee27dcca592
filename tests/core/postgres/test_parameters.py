"""A setting that is read from the catalog and written again means the same."""

import pytest

from dtsrun.api import Route
from dtsrun.postgres.parameters import names_in_list, set_clause
from dtsrun.postgres.session import connect


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ('"$user", public', ["$user", "public"]),
        ('""', [""]),
        ("", [""]),
        ('"a, ""b""", c', ['a, "b"', "c"]),
        ("one", ["one"]),
    ],
)
def test_names_in_a_list(value: str, names: list[str]) -> None:
    assert names_in_list(value) == names


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("search_path", '"$user", "odd, ""name""", public'),
        ("search_path", '""'),
        ("work_mem", "7MB"),
        ("DateStyle", "German, DMY"),
        ("my.setting", 'it\'s; "quoted" \\ here'),
    ],
)
def test_a_setting_comes_back_as_it_was(target_route: Route, name: str, value: str) -> None:
    with connect(target_route) as connection, connection.transaction(force_rollback=True):
        connection.execute("create role fleeting")
        connection.execute(b"alter role fleeting " + set_clause(name, value).as_bytes(connection))
        row = connection.execute(
            "select setconfig from pg_db_role_setting where setrole = 'fleeting'::regrole"
        ).fetchone()
    assert row.setconfig == [f"{name}={value}"]
