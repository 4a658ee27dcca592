"""The target has the collations that columns name."""

import pytest

from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun.testing.fakes import FakeCheckContext
from dtsrun_plugins.prechecks.collation_missing import CollationMissing


class TestCollationMissing(PrecheckContract):
    plugin = CollationMissing


def found(source, target, database, **known):
    with FakeCheckContext(source=source, target=target, databases=[database], **known) as context:
        return list(CollationMissing().check(context))


@pytest.fixture
def shop(source_route, fresh_database):
    name = fresh_database(source_route)
    with connect(source_route, name) as connection:
        connection.execute("create collation pg_catalog.\"xx_YY.utf8\" (locale = 'C')")
    return name


def run(route, database, statement):
    with connect(route, database) as connection:
        connection.execute(statement)


def test_collations_that_nothing_uses_do_not_matter(source_route, target_route, shop):
    run(source_route, shop, 'create table public.t (a text, b text collate "C")')
    assert found(source_route, target_route, shop) == []


@pytest.mark.parametrize(
    ("statement", "place"),
    [
        ('create table public.t (a text collate pg_catalog."xx_YY.utf8")', "public.t.a"),
        ('create domain public.d as text collate pg_catalog."xx_YY.utf8"', "public.d"),
        (
            'create table public.t (a text); create index i on public.t (a collate pg_catalog."xx_YY.utf8")',
            "public.i.a",
        ),
    ],
)
def test_one_that_the_target_lacks_fails_with_its_place(source_route, target_route, shop, statement, place):
    run(source_route, shop, statement)
    (finding,) = found(source_route, target_route, shop)
    assert finding.message == f"the target has no collation xx_YY.utf8, which {place} has"
    assert finding.subject == f"{shop}.{place}"
