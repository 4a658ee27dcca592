"""Extensions, languages, tablespaces: what depends on the machine of the target, and what is said where it differs."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from harness import Bench, open_bench

from dtsrun.api import Entry, Route, Section, StepResult, Tablespace
from dtsrun.errors import MigrationError
from dtsrun.postgres.session import connect
from dtsrun.testing.servers import FreshDatabase
from dtsrun_plugins.objects.comments import Comments
from dtsrun_plugins.objects.grants import Grants
from dtsrun_plugins.objects.languages import Languages
from dtsrun_plugins.objects.security_labels import SecurityLabels


@pytest.fixture
def bench(source_route: Route, target_route: Route, fresh_database: FreshDatabase) -> Iterator[Bench]:
    """Two empty databases, both of the same name in the plan."""
    source, target = fresh_database(source_route), fresh_database(target_route)
    with open_bench(source_route, target_route, {source: target}) as opened:
        yield opened


def name_of(bench: Bench) -> str:
    return next(iter(bench.inventory.databases))


def restore(bench: Bench, plugin: str, label: str, *statements: str, **changes: Any) -> StepResult:
    """Run a kind's own restoring of one entry."""
    item = {"id": 1, "label": label, "after": [], "sql": list(statements), "deviations": [], "optional": False}
    first = next(s for s in bench.outcome.plan.steps.values() if s.database == name_of(bench))
    step = replace(first, key="tried", plugin=plugin, action="restore", args={"entries": [{**item, **changes}]})
    return bench.run_step(step)


def extension(bench: Bench, name: str) -> str | None:
    row = (
        bench.connection("target", name_of(bench))
        .execute("select extversion from pg_extension where extname = %s", [name])
        .fetchone()
    )
    return row.extversion if row else None


@pytest.fixture
def offered(source_route: Route, target_route: Route) -> str:
    """An extension that both servers can create: which one that is depends on who built them."""
    known = []
    for route in (source_route, target_route):
        with connect(route) as connection:
            rows = connection.execute("select name, default_version from pg_available_extensions").fetchall()
        known.append({(row.name, row.default_version) for row in rows})
    both = {name for name, _ in known[0] & known[1]}
    for name in ("vector", "hstore"):
        if name in both:
            return name
    pytest.skip("neither vector nor hstore is installed on both servers in the same version")


def test_an_extension_comes_in_the_version_of_the_source(bench: Bench, offered: str) -> None:
    with connect(bench.routes["source"], name_of(bench)) as source:
        source.execute(f"create extension {offered} schema public")
        row = source.execute("select extversion from pg_extension where extname = %s", [offered]).fetchone()
    statement = f"CREATE EXTENSION IF NOT EXISTS {offered} WITH SCHEMA public;"
    result = restore(bench, "object.extensions", f"EXTENSION {offered}", statement)
    assert (result.failures, result.deviations) == ((), ())
    assert extension(bench, offered) == row.extversion


def test_a_version_that_is_not_to_be_had_is_said(bench: Bench, offered: str) -> None:
    with connect(bench.routes["source"], name_of(bench)) as source:
        source.execute(f"create extension {offered} schema public")
        source.execute("update pg_extension set extversion = '0.0.1' where extname = %s", [offered])
    statement = f"CREATE EXTENSION IF NOT EXISTS {offered} WITH SCHEMA public;"
    result = restore(bench, "object.extensions", f"EXTENSION {offered}", statement)
    assert [d.message for d in result.deviations] == [
        "created in the target's default version: version 0.0.1 is not available there"
    ]
    assert extension(bench, offered) is not None


def test_an_extension_that_is_there_is_used_and_its_version_said(bench: Bench) -> None:
    bench.connection("target", name_of(bench)).execute("update pg_extension set extversion = '0.9'")
    result = restore(bench, "object.extensions", "EXTENSION plpgsql", "CREATE EXTENSION IF NOT EXISTS plpgsql;")
    assert [d.message for d in result.deviations] == ["the target has version 0.9, the source 1.0"]


def test_an_extension_that_the_target_lacks_fails_by_name(bench: Bench) -> None:
    result = restore(bench, "object.extensions", "EXTENSION none", "CREATE EXTENSION IF NOT EXISTS none;")
    assert [f.object for f in result.failures] == ["EXTENSION none"]
    assert "not available" in result.failures[0].message


def test_a_language_whose_handler_an_extension_holds_is_completed(bench: Bench) -> None:
    with connect(bench.routes["source"], name_of(bench)) as source:
        source.execute('create trusted language "odd one" handler plpgsql_call_handler inline plpgsql_inline_handler')
    statement = 'CREATE OR REPLACE PROCEDURAL LANGUAGE "odd one";'
    result = restore(bench, Languages.name, "PROCEDURAL LANGUAGE odd one", statement)
    assert result.failures == ()
    row = (
        bench.connection("target", name_of(bench))
        .execute(
            "select lanpltrusted, lanplcallfoid::regproc::text as handler, lanvalidator from pg_language"
            " where lanname = 'odd one'"
        )
        .fetchone()
    )
    assert tuple(row) == (True, "plpgsql_call_handler", 0)


def test_a_comment_on_an_extension_that_the_target_refuses_is_said(bench: Bench) -> None:
    statement = "set role pg_monitor; comment on extension plpgsql is 'ours'; reset role"
    result = restore(bench, "stage.structure", "COMMENT EXTENSION plpgsql", statement, optional=True)
    assert result.failures == ()
    assert "must be owner of extension plpgsql" in result.deviations[0].message


def entry(kind: str, name: str, text: str) -> Entry:
    return Entry(
        id=1,
        type=kind,
        schema=None,
        name=name,
        owner=None,
        sql=text,
        drop_sql="",
        catalog=0,
        oid=0,
        tablespace=None,
        access_method=None,
        relkind=None,
        section=Section.PRE_DATA,
        depends_on=(),
        kind="object.any",
    )


@pytest.mark.parametrize(
    ("kind", "plugin"), [("ACL", Grants), ("COMMENT", Comments), ("SECURITY LABEL", SecurityLabels)]
)
def test_what_names_the_source_database_is_left_to_its_kind(bench: Bench, kind: str, plugin: Any) -> None:
    database = bench.inventory.databases[name_of(bench)]
    made = plugin().statements(entry(kind, "DATABASE shop", "any"), database, bench.planning())
    assert made == []


def test_an_account_without_superuser_grants_in_the_grantors_name_by_set_role(bench: Bench) -> None:
    database = bench.inventory.databases[name_of(bench)]
    text = (
        'GRANT SELECT ON TABLE t TO a;\nSET SESSION AUTHORIZATION "o\'ne";\nGRANT SELECT ON TABLE t TO b;\n'
        "RESET SESSION AUTHORIZATION;\n"
    )
    planning = bench.planning()
    for is_superuser, words in (
        (True, ("SET SESSION AUTHORIZATION", "RESET SESSION AUTHORIZATION;")),
        (False, ("SET ROLE", "RESET ROLE;")),
    ):
        context = replace(planning, target=replace(planning.target, is_superuser=is_superuser))
        (made,) = Grants().statements(entry("ACL", "TABLE t", text), database, context)
        assert made.splitlines()[1:4:2] == [f'{words[0]} "o\'ne";', words[1]]


def tablespaces(bench: Bench, options: Mapping[str, Any]) -> StepResult:
    """Run the look at tablespaces for a source that has one called fast."""
    bench.spec = replace(bench.spec, kinds={"tablespaces": options})
    fast = Tablespace(name="fast", owner="postgres", location="/fast")
    bench.inventory = replace(bench.inventory, tablespaces=(fast,))
    return bench.run_step(bench.plan().steps["server/structure/tablespaces"])


def test_without_a_map_all_lies_in_the_default_tablespace_and_it_is_said(bench: Bench) -> None:
    assert [d.object for d in tablespaces(bench, {}).deviations] == ["TABLESPACE fast"]


def test_a_mapped_tablespace_must_be_there(bench: Bench) -> None:
    with pytest.raises(MigrationError, match="the target has no tablespace nvme"):
        tablespaces(bench, {"policy": "map", "map": {"fast": "nvme"}})


def test_a_mapped_tablespace_that_is_there_will_do(bench: Bench) -> None:
    assert tablespaces(bench, {"policy": "map", "map": {"fast": "pg_default"}}).deviations == ()
