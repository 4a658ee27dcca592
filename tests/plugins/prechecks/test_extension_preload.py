"""The target loads the libraries that extensions need at its start."""

from dataclasses import replace

import pytest

from dtsrun.api import Extension, Undetermined
from dtsrun.testing.contracts import PrecheckContract
from dtsrun.testing.fakes import FakeCheckContext
from dtsrun_plugins.prechecks.extension_preload import ExtensionPreload


class TestExtensionPreload(PrecheckContract):
    plugin = ExtensionPreload


def found(source, target, **known):
    with FakeCheckContext(source=source, target=target, **known) as context:
        return list(ExtensionPreload().check(context))


@pytest.fixture
def known(source_route, target_route, fresh_database):
    shop = fresh_database(source_route)
    with FakeCheckContext(source=source_route, target=target_route, databases=[shop]) as context:
        cron = Extension(name="pg_cron", version="1.6", schema="pg_catalog")
        inventory = context.inventory
        database = replace(inventory.databases[shop], extensions=(cron,))
        facts = context.facts("target")
        return {"inventory": replace(inventory, databases={shop: database}), "facts": {"target": facts}}


def loading(known, value):
    facts = known["facts"]["target"]
    settings = {name: text for name, text in facts.settings.items() if name != "shared_preload_libraries"}
    more = {} if value is None else {"shared_preload_libraries": value}
    return {**known, "facts": {"target": replace(facts, settings={**settings, **more})}}


def test_a_server_that_loads_nothing_fails_and_the_fix_adds_to_what_is_there(source_route, target_route, known):
    (finding,) = found(source_route, target_route, **known)
    assert "extension pg_cron needs the library pg_cron" in finding.message
    (finding,) = found(source_route, target_route, **loading(known, "auto_explain"))
    assert finding.fix.sql == ("ALTER SYSTEM SET shared_preload_libraries = 'auto_explain', 'pg_cron'",)
    assert finding.fix.takes_effect == "restart"


def test_a_loaded_library_passes(source_route, target_route, known):
    assert found(source_route, target_route, **loading(known, 'auto_explain, "$libdir/pg_cron"')) == []


def test_a_hidden_setting_is_no_pass(source_route, target_route, known):
    with pytest.raises(Undetermined):
        found(source_route, target_route, **loading(known, None))


def test_other_extensions_need_none(source_route, target_route, fresh_database):
    assert found(source_route, target_route, databases=[fresh_database(source_route)]) == []
