"""The databases of the source are far from running out of transaction numbers."""

import pytest

from dtsrun.api import Severity
from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.wraparound import Wraparound


class TestWraparound(PrecheckContract):
    plugin = Wraparound


@pytest.fixture
def aged(source_route):
    """The age of the source's oldest database, at least a few transactions."""
    with connect(source_route) as connection:
        for _ in range(5):
            connection.execute("select pg_catalog.txid_current()")
        return connection.execute("select max(pg_catalog.age(datfrozenxid)) as age from pg_database").fetchone().age


def test_young_databases_pass(found, source_route, target_route):
    assert found(Wraparound, source_route, target_route) == []


def test_an_old_database_is_an_alarm_and_an_older_one_fails(found, source_route, target_route, aged):
    alarm = found(Wraparound, source_route, target_route, options={"alarm": aged})
    assert {finding.severity for finding in alarm} == {Severity.ALARM}
    assert alarm[0].fix.sql == ("VACUUM (FREEZE)",)
    fail = found(Wraparound, source_route, target_route, options={"alarm": 1, "fail": aged})
    assert fail[0].severity is Severity.FAIL
    assert fail[0].message.endswith("of 2147483648 transaction numbers")
