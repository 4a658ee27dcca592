"""The target has the extensions that are installed on the source."""

from dataclasses import replace

from dtsrun.api import Extension, Severity
from dtsrun.testing.contracts import PrecheckContract
from dtsrun.testing.fakes import FakeCheckContext
from dtsrun_plugins.prechecks.extension_availability import ExtensionAvailability


class TestExtensionAvailability(PrecheckContract):
    plugin = ExtensionAvailability


def found(source, target, database, *extensions):
    with FakeCheckContext(source=source, target=target, databases=[database]) as context:
        inventory = context.inventory
        changed = replace(inventory.databases[database], extensions=extensions)
    inventory = replace(inventory, databases={database: changed})
    with FakeCheckContext(source=source, target=target, databases=[database], inventory=inventory) as context:
        return list(ExtensionAvailability().check(context))


def available(target):
    with FakeCheckContext(target=target) as context:
        rows = context.target().execute("select name, default_version from pg_available_extensions").fetchall()
    return {row.name: row.default_version for row in rows}


def test_plpgsql_is_everywhere(source_route, target_route, fresh_database):
    assert found(source_route, target_route, fresh_database(source_route)) == []


def test_what_the_target_cannot_install_fails(source_route, target_route, fresh_database):
    absent = Extension(name="oracle_fdw", version="2.6", schema="public")
    (finding,) = found(source_route, target_route, fresh_database(source_route), absent)
    assert finding.message == "extension oracle_fdw is not available on the target"
    assert finding.severity is None


def test_another_version_is_an_alarm_and_the_same_one_is_nothing(source_route, target_route, fresh_database):
    name, version = next((n, v) for n, v in available(target_route).items() if n != "plpgsql")
    database = fresh_database(source_route)
    same, other = (Extension(name=name, version=v, schema="public") for v in (version, "0.0.1"))
    assert found(source_route, target_route, database, same) == []
    (finding,) = found(source_route, target_route, database, other)
    assert finding.severity is Severity.ALARM
    assert version in finding.observed
