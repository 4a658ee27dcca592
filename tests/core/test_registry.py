"""Plugins are declared, checked and ordered before any connection is made."""

from pathlib import Path

import pytest

from dtsrun.api import ObjectKind, Precheck, Secret
from dtsrun.errors import PluginError
from dtsrun.registry import FAMILIES, build_registry, load_registry

FAMILY = {family.name: family for family in FAMILIES}


def check(name, *, requires=(), after=()):
    return type(
        "Made", (Precheck,), {"name": name, "requires": requires, "after": after, "check": lambda self, context: ()}
    )


def kind(name, entry_types=(), selector=None):
    return type("Kind", (ObjectKind,), {"name": name, "entry_types": entry_types, "selector": selector})


def registry_of(*classes, origin="acme 1.0", family="precheck"):
    return build_registry([(origin, FAMILY[family], one) for one in classes])


def test_the_built_in_plugins_keep_the_contract():
    registry = load_registry()
    assert {name.partition(".")[0] for name in registry.plugins} == set(FAMILY)
    assert all(registry.origin(name).startswith("dtsrun ") for name in registry.plugins)


def test_what_is_required_comes_first():
    registry = registry_of(check("precheck.late", requires=("precheck.early",)), check("precheck.early"))
    assert [plugin.name for plugin in registry.prechecks] == ["precheck.early", "precheck.late"]


def test_after_counts_only_where_the_other_is_there():
    registry = registry_of(check("precheck.b", after=("precheck.c", "precheck.absent")), check("precheck.c"))
    assert list(registry.plugins) == ["precheck.c", "precheck.b"]


def test_a_missing_requirement_names_who_asks_for_it():
    with pytest.raises(PluginError, match=r"precheck.a of acme 1.0 requires precheck.gone"):
        registry_of(check("precheck.a", requires=("precheck.gone",)))


def test_a_cycle_names_its_plugins_and_their_distribution():
    with pytest.raises(PluginError, match=r"precheck\.\w -> precheck\.\w -> precheck\.\w \(from acme 1.0\)"):
        registry_of(check("precheck.a", requires=("precheck.b",)), check("precheck.b", requires=("precheck.a",)))


def test_a_name_declared_twice_names_both_distributions():
    one, two = check("precheck.a"), check("precheck.a")
    with pytest.raises(PluginError, match=r"declared twice: by acme 1.0 and by other 2.0"):
        build_registry([("acme 1.0", FAMILY["precheck"], one), ("other 2.0", FAMILY["precheck"], two)])


@pytest.mark.parametrize("name", ["", "wal", "Precheck.a", "precheck.A", "secret.a", "precheck.a b"])
def test_a_name_that_is_not_the_familys_is_refused(name):
    with pytest.raises(PluginError, match="acme 1.0 names a plugin"):
        registry_of(check(name))


def test_a_class_of_another_family_is_refused():
    with pytest.raises(PluginError, match="which is no Secret"):
        registry_of(check("precheck.a"), family="secret")


def test_a_class_that_is_not_finished_is_refused():
    unfinished = type("Unfinished", (Secret,), {"name": "secret.unfinished"})
    with pytest.raises(PluginError, match="secret.unfinished of acme 1.0 cannot be made"):
        registry_of(unfinished, family="secret")


def test_an_entry_type_belongs_to_one_kind():
    with pytest.raises(PluginError, match="TABLE is claimed twice: by object.a of acme 1.0 and object.b"):
        registry_of(kind("object.a", ("TABLE",)), kind("object.b", ("TABLE",)), family="object")


def test_a_selector_belongs_to_one_kind():
    with pytest.raises(PluginError, match="selector table is claimed twice"):
        registry_of(kind("object.a", selector="table"), kind("object.b", selector="table"), family="object")


def test_an_unknown_name_offers_the_nearest():
    with pytest.raises(PluginError) as raised:
        load_registry().get("precheck.conect")
    assert "precheck.connect" in str(raised.value.hint)


LOCAL = '''
from dtsrun.api import Precheck, hookimpl

class NoFriday(Precheck):
    """No migration on a Friday."""
    name = "precheck.no_friday"
    def check(self, context):
        return ()

@hookimpl
def dtsrun_prechecks():
    return [NoFriday]
'''


def test_a_local_file_hands_in_plugins(tmp_path: Path):
    path = tmp_path / "pci.py"
    path.write_text(LOCAL)
    assert load_registry([path]).origin("precheck.no_friday") == str(path)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import there_is_no_such_module", "ModuleNotFoundError"),
        ("def broken(:", "SyntaxError"),
        (LOCAL.replace("dtsrun_prechecks", "dtsrun_precheks"), "PluginValidationError"),
    ],
)
def test_a_broken_local_file_stops_everything_and_is_named(tmp_path: Path, text, reason):
    path = tmp_path / "pci.py"
    path.write_text(text)
    with pytest.raises(PluginError, match=f"pci.py cannot be loaded: {reason}"):
        load_registry([path])


def test_a_local_file_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(PluginError, match="absent.py"):
        load_registry([tmp_path / "absent.py"])
