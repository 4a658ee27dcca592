"""The collations of the source are those that its indexes were built with."""

from dataclasses import replace

import psycopg
import pytest

from dtsrun.api import SkipCheck
from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun.testing.fakes import FakeCheckContext
from dtsrun_plugins.prechecks.collation_version import CollationVersion


class TestCollationVersion(PrecheckContract):
    plugin = CollationVersion


def found(source, target, database, **known):
    with FakeCheckContext(source=source, target=target, databases=[database], **known) as context:
        return list(CollationVersion().check(context))


def test_a_collation_that_did_not_change_passes(source_route, target_route, fresh_database):
    assert found(source_route, target_route, fresh_database(source_route)) == []


def test_one_that_changed_under_the_database_is_an_alarm(source_route, target_route, fresh_database):
    options = "template template0 locale_provider icu icu_locale 'de' encoding 'UTF8'"
    try:
        shop = fresh_database(source_route, options=options)
    except psycopg.Error:
        pytest.skip("the server is built without ICU")
    with connect(source_route) as connection:
        connection.execute("update pg_database set datcollversion = '1.2' where datname = %s", [shop])
    (finding,) = found(source_route, target_route, shop)
    assert finding.expected == "1.2"
    assert finding.fix.sql == (f'REINDEX DATABASE "{shop}"', f'ALTER DATABASE "{shop}" REFRESH COLLATION VERSION')


def test_older_servers_do_not_know(source_route, target_route, fresh_database):
    with FakeCheckContext(source=source_route) as context:
        facts = replace(context.facts("source"), version=140000)
    with pytest.raises(SkipCheck):
        found(source_route, target_route, fresh_database(source_route), facts={"source": facts})
