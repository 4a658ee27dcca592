"""The target account may create the extensions."""

from dataclasses import replace

import pytest

from dtsrun.api import Extension
from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun.testing.fakes import FakeCheckContext
from dtsrun_plugins.prechecks.extension_creation import ExtensionCreation


class TestExtensionCreation(PrecheckContract):
    plugin = ExtensionCreation


def found(source, target, **known):
    with FakeCheckContext(source=source, target=target, **known) as context:
        return list(ExtensionCreation().check(context))


@pytest.fixture
def inventory(source_route, target_route, fresh_database):
    shop = fresh_database(source_route)
    with connect(target_route) as connection:
        strict = connection.execute(
            "select name from pg_available_extension_versions where superuser and not trusted order by 1 limit 1"
        ).fetchone()
    if strict is None:
        pytest.skip("the target has trusted extensions only")
    with FakeCheckContext(source=source_route, databases=[shop]) as context:
        extension = Extension(name=strict.name, version="1", schema="public")
        database = replace(context.inventory.databases[shop], extensions=(extension, *SOME))
        return replace(context.inventory, databases={shop: database})


SOME = (Extension(name="plpgsql", version="1.0", schema="pg_catalog"),)


def test_a_superuser_may_create_all(source_route, target_route, inventory):
    assert found(source_route, target_route, inventory=inventory) == []


def test_one_that_is_not_trusted_takes_a_superuser(source_route, target_route, inventory, route_of):
    (finding,) = found(source_route, route_of(target_route), inventory=inventory)
    assert "is no superuser of the target, and extension" in finding.message
