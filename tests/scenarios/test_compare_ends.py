"""The comparer sees what it promises to see: a judge that finds nothing must not be one that looks nowhere."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from psycopg import sql

from dtsrun.api import Route
from dtsrun.postgres.session import connect

SAME = """
create table public.t (id integer primary key, value double precision, note text);
insert into public.t select n, 0.1 * n, 'note ' || n from generate_series(1, 20) as n;
create table public.empty ();
insert into public.empty default values;
create view public.v as select t.id, t.note from public.t where t.id > 3;
create table public.gone ();
create sequence public.s;
create materialized view public.m as select 1 as one;
select lo_from_bytea(4711, '\\x00ff');
"""

CHANGES = {
    "a value": ("update public.t set note = 'other' where id = 7", "only source: 7"),
    "a last bit": ("update public.t set value = value + 1e-16 where id = 1", "rows of public.t: source has 20"),
    "a row too many": ("insert into public.empty default values", "source has 1, target has 2"),
    "a sequence": ("select nextval('public.s')", "sequence public.s: is_called"),
    "a definition": ("create or replace view public.v as select t.id, t.note from public.t where t.id > 4", "Name: v;"),
    "a grant": ("grant select on public.t to public", "ACL"),
    "a missing table": ("drop table public.gone", "public.gone: not on the target"),
    "an extra table": ("create table public.more ()", "public.more: only on the target"),
    "an unpopulated view": ("refresh materialized view public.m with no data", "relispopulated"),
    "a large object": ("select lo_put(4711, 1, '\\x01')", "large object 4711: content"),
    "its owner's word": ("comment on large object 4711 is 'x'", "large object 4711: comment"),
    "a setting": ("alter role current_user in database comparer set work_mem = '9MB'", "settings of role"),
}


@pytest.fixture(scope="module")
def compare_ends() -> Iterator[ModuleType]:
    """The module: the folder of a scenario is no package."""
    path = Path(__file__).with_name("compare_ends.py")
    spec = importlib.util.spec_from_file_location("compare_ends", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["compare_ends"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["compare_ends"]


@pytest.fixture(scope="module")
def pair(source_route: Route, target_route: Route) -> Iterator[tuple[str, str]]:
    """Two databases with the same content, on servers of different versions."""
    name = sql.Identifier("comparer")
    routes = (source_route, target_route)
    for route in routes:
        with connect(route) as connection:
            connection.execute(sql.SQL("create database {}").format(name))
        with connect(route, "comparer") as connection:
            connection.execute(SAME)
    yield source_route.conninfo(), target_route.conninfo()
    for route in routes:
        with connect(route) as connection:
            connection.execute(sql.SQL("drop database {}").format(name))


@pytest.fixture(scope="module")
def found(compare_ends: ModuleType, pair: tuple[str, str], target_route: Route) -> list[str]:
    """What is found before and after the target was changed in every way."""
    assert compare_ends.differences(*pair, databases=["comparer"]) == []
    with connect(target_route, "comparer") as connection:
        for statement, _ in CHANGES.values():
            connection.execute(statement)
    return list(compare_ends.differences(*pair, databases=["comparer"]))


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_the_target_is_found(found: list[str], change: str) -> None:
    _, said = CHANGES[change]
    assert any(said in line for line in found), found


def test_a_missing_database_is_a_difference(compare_ends: ModuleType, source_route: Route, target_route: Route) -> None:
    found = compare_ends.differences(
        source_route.conninfo(), target_route.conninfo(), databases=["postgres"], rename={"postgres": "nowhere"}
    )
    assert found == ["database postgres: not on the target"]


def test_a_role_is_compared_with_its_settings_and_memberships(
    compare_ends: ModuleType, source_route: Route, target_route: Route
) -> None:
    with connect(source_route) as connection:
        connection.execute("create role comparer_a; create role comparer_b in role comparer_a")
        connection.execute("alter role comparer_a set work_mem = '9MB'")
        try:
            found = compare_ends.differences(source_route.conninfo(), target_route.conninfo())
        finally:
            connection.execute("drop role comparer_a, comparer_b")
    assert "role comparer_a: not on the target" in found
    assert "membership of comparer_b in comparer_a: not on the target" in found
    assert "settings of role comparer_a: not on the target" in found
