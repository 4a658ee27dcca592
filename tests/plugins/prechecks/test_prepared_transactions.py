"""No prepared transaction is pending on the source."""

import pytest

from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.prepared_transactions import PreparedTransactions


class TestPreparedTransactions(PrecheckContract):
    plugin = PreparedTransactions


def test_none_passes(found, source_route, target_route):
    assert found(PreparedTransactions, source_route, target_route) == []


@pytest.mark.parametrize(("owner", "who"), [("postgres", "postgres or a superuser"), ("prepared_gone", "a superuser")])
def test_one_of_another_database_fails_and_either_statement_ends_it(
    found, source_route, target_route, fresh_database, owner, who
):
    shop, other = fresh_database(source_route), fresh_database(source_route)
    with connect(source_route, other) as connection:
        connection.execute("drop role if exists prepared_gone; create role prepared_gone")
        connection.execute("begin")
        connection.execute("create table public.t (x int)")
        connection.execute(f"set local role {owner}")
        connection.execute("prepare transaction 'it''s one'")
        connection.execute("drop role prepared_gone")
        (finding,) = found(PreparedTransactions, source_route, target_route, databases=[shop])
        connection.execute(finding.fix.sql[1])
    assert finding.subject == f"database {other}"
    assert finding.fix.text == f"in database {other}, as {who}, run the one that is right"
    assert finding.fix.sql == ("COMMIT PREPARED 'it''s one'", "ROLLBACK PREPARED 'it''s one'")
    assert found(PreparedTransactions, source_route, target_route, databases=[shop]) == []
