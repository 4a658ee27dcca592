"""The target has background workers for the streams."""

from dtsrun.api import Severity
from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.logical_workers import LogicalWorkers


class TestLogicalWorkers(PrecheckContract):
    plugin = LogicalWorkers


def test_a_target_with_its_defaults_passes(found, source_route, target_route, fresh_database):
    assert found(LogicalWorkers, source_route, target_route, databases=[fresh_database(source_route)]) == []


def test_too_few_workers_fail(found, source_route, lean_route, fresh_database):
    shops = [fresh_database(source_route) for _ in range(2)]
    workers, processes = found(LogicalWorkers, source_route, lean_route, databases=shops)
    assert workers.message == "the target has room for 2 logical replication workers, and 3 are needed"
    assert workers.fix.sql == ("ALTER SYSTEM SET max_logical_replication_workers = 3",)
    assert processes.fix.sql == ("ALTER SYSTEM SET max_worker_processes = 4",)


def test_processes_for_workers_but_not_for_their_launcher_fail(found, source_route, lean_route, fresh_database):
    (finding,) = found(LogicalWorkers, source_route, lean_route, databases=[fresh_database(source_route)])
    assert finding.subject == "target.max_worker_processes"
    assert finding.expected == "3 or more"


def test_workers_for_large_transactions_are_an_alarm(found, source_route, target_route, fresh_database):
    shops = [fresh_database(source_route) for _ in range(2)]
    assert found(LogicalWorkers, source_route, target_route, databases=shops) == []
    for shop in shops:
        with connect(source_route, shop) as connection:
            connection.execute("create table public.orders (id int primary key)")
    (finding,) = found(LogicalWorkers, source_route, target_route, databases=shops)
    assert finding.severity is Severity.ALARM
    assert "room for 4 logical replication workers: 3 are needed, and 4 more may apply large" in finding.message
    assert finding.fix.sql == ("ALTER SYSTEM SET max_logical_replication_workers = 7",)


def test_subscriptions_that_are_there_count(found, source_route, target_route, fresh_database):
    shop = fresh_database(source_route)
    with connect(target_route, fresh_database(target_route)) as connection:
        for number in range(3):
            connection.execute(f"create subscription s{number} connection '' publication p with (connect = false)")
            connection.execute(f"alter subscription s{number} enable")
        findings = found(LogicalWorkers, source_route, target_route, databases=[shop])
        for number in range(3):
            connection.execute(f"alter subscription s{number} disable")
            connection.execute(f"alter subscription s{number} set (slot_name = none)")
            connection.execute(f"drop subscription s{number}")
    assert [finding.expected for finding in findings] == ["5 or more"]
