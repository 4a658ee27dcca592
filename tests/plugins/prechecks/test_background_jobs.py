"""No job of a scheduler starts on the target before its time."""

from dataclasses import replace

import pytest

from dtsrun.api import Extension
from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun.testing.fakes import FakeCheckContext
from dtsrun_plugins.prechecks.background_jobs import BackgroundJobs


class TestBackgroundJobs(PrecheckContract):
    plugin = BackgroundJobs


def found(source, target, **known):
    with FakeCheckContext(source=source, target=target, **known) as context:
        return list(BackgroundJobs().check(context))


def run(route, statement, database=None):
    with connect(route, database) as connection:
        connection.execute(statement)


@pytest.fixture
def inventory(source_route, fresh_database):
    """A database as pg_cron leaves it, whose library no test server has."""
    shop = fresh_database(source_route)
    run(
        source_route,
        "create schema cron; create table cron.job (jobid bigint, schedule text, command text, active boolean);"
        "insert into cron.job values (1, '* * * * *', 'vacuum', true), (2, '* * * * *', 'select 1', false)",
        shop,
    )
    with FakeCheckContext(source=source_route, databases=[shop]) as context:
        cron = Extension(name="pg_cron", version="1.6", schema="pg_catalog")
        database = replace(context.inventory.databases[shop], extensions=(cron,))
        return replace(context.inventory, databases={shop: database})


def test_active_jobs_are_an_alarm(source_route, target_route, inventory):
    (finding,) = found(source_route, target_route, inventory=inventory)
    assert finding.message.startswith("1 active jobs of pg_cron in ")
    assert finding.evidence == {"jobs": [{"id": 1, "schedule": "* * * * *", "command": "vacuum"}]}


def test_jobs_that_are_off_pass(source_route, target_route, inventory):
    (shop,) = inventory.databases
    run(source_route, "update cron.job set active = false", shop)
    assert found(source_route, target_route, inventory=inventory) == []


def test_a_table_of_that_name_is_no_scheduler(source_route, target_route, inventory):
    (shop,) = inventory.databases
    assert found(source_route, target_route, databases=[shop]) == []
