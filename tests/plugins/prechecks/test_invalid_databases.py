"""The source has no database that can no longer be used."""

from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.invalid_databases import InvalidDatabases


class TestInvalidDatabases(PrecheckContract):
    plugin = InvalidDatabases


def test_ordinary_databases_pass(found, source_route, target_route, fresh_database):
    assert found(InvalidDatabases, source_route, target_route, databases=[fresh_database(source_route)]) == []


def test_what_a_broken_drop_left_is_an_alarm(found, source_route, target_route, fresh_database):
    shop = fresh_database(source_route)
    with connect(source_route) as connection:
        connection.execute("update pg_database set datconnlimit = -2 where datname = %s", [shop])
    (finding,) = found(InvalidDatabases, source_route, target_route, databases=[shop])
    assert finding.message == f"database {shop} is what a broken DROP DATABASE left"
    assert finding.fix.sql == (f'DROP DATABASE "{shop}"',)


def test_a_closed_database_is_an_alarm_where_it_is_chosen(found, source_route, target_route, fresh_database):
    shop, other = fresh_database(source_route), fresh_database(source_route)
    with connect(source_route) as connection:
        connection.execute(f"alter database {shop} allow_connections false".encode())
        (finding,) = found(InvalidDatabases, source_route, target_route, databases=[shop])
        assert found(InvalidDatabases, source_route, target_route, databases=[other]) == []
        assert [f.subject for f in found(InvalidDatabases, source_route, target_route)] == [f"database {shop}"]
        connection.execute(finding.fix.sql[0])
    assert found(InvalidDatabases, source_route, target_route, databases=[shop]) == []
