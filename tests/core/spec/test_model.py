"""What the user wrote becomes a frozen model with every default filled in, or an error: nothing in between."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dtsrun.api import (
    DatabaseSelection,
    MigrationType,
    Pattern,
    Resources,
    SecretReference,
    Selection,
    Spec,
    Throttling,
)
from dtsrun.errors import SpecError
from dtsrun.registry import Registry, load_registry
from dtsrun.spec import InvalidSpec, load_spec, local_plugins, parse_spec

Read = Callable[[str], Spec]
Spoiled = Callable[[dict[str, Any]], str]
Complaints = Callable[[str], list[str]]


def test_the_smallest_spec_has_every_default(read: Read, base: str, tmp_path: Path) -> None:
    spec = read(base)
    assert spec.path == tmp_path / "spec.yaml"
    assert (spec.task.name, spec.task.run, spec.task.tags, spec.task.retry_for) == ("shop", None, {}, 1800.0)
    assert spec.migration_type is MigrationType.FULL
    assert spec.selection == Selection(entire_instance=True)
    assert spec.on_conflict == "fail"
    assert spec.resources == Resources()
    assert spec.kinds == {"tables": {}, "large_objects": {"batch": 100}}
    assert spec.stages == {"verify": {"mode": "full"}}
    assert spec.warnings == ()


def test_an_endpoint_has_the_defaults_of_its_access_type(read: Read, base: str) -> None:
    source = read(base).source
    assert (source.side, source.access_type, source.maintenance_database) == ("source", "network", "postgres")
    assert source.access == {"host": "old.example.com", "port": 5432, "tls": {"mode": "verify-full"}}
    assert (source.account, source.password, source.region) == (None, None, None)


def test_what_is_said_counts_over_the_defaults(read: Read, spoiled: Spoiled) -> None:
    spec = read(
        spoiled(
            {
                "task.run": "2026-12-01T02:00:00+08:00",
                "task.tags": {"team": "payments"},
                "task.retry": {"for": "90s"},
                "target.access": {"type": "local", "socket": "/run/pg"},
                "target.account": "root_user",
                "target.region": "ap-guangzhou",
                "target.maintenance_database": "defaultdb",
                "target.password": {"command": ["pass", "show"]},
                "migration.type": "structural",
                "migration.on_conflict": "skip",
                "migration.kinds": {"large_objects": {"batch": 7}},
                "migration.stages": {"verify": {"mode": "rows"}},
                "resources": {"copy": 4, "index": "auto", "split_tables_larger_than": "1GB", "rate_limit": "1MB/s"},
            }
        )
    )
    assert spec.task.run == datetime(2026, 11, 30, 18, tzinfo=UTC)
    assert (spec.task.tags, spec.task.retry_for) == ({"team": "payments"}, 90.0)
    assert (spec.target.access_type, spec.target.access) == ("local", {"socket": "/run/pg"})
    assert (spec.target.account, spec.target.region) == ("root_user", "ap-guangzhou")
    assert spec.endpoint("target").maintenance_database == "defaultdb"
    assert spec.target.password == SecretReference(kind="command", value=["pass", "show"])
    assert (spec.migration_type, spec.on_conflict) == (MigrationType.STRUCTURAL, "skip")
    assert (spec.kinds["large_objects"], spec.stages["verify"]) == ({"batch": 7}, {"mode": "rows"})
    assert spec.resources == Resources(copy=4, split_tables_larger_than=1024**3, rate_limit=1024**2)


def test_copies_give_way_to_nothing_unless_a_signal_is_named(read: Read, spoiled: Spoiled, base: str) -> None:
    assert read(base).resources.throttle is None
    assert read(spoiled({"resources": {"throttle": {"every": "1s"}}})).resources.throttle is None


def test_a_throttle_gets_numbers_for_what_the_spec_says_in_words(read: Read, spoiled: Spoiled) -> None:
    named = {"every": "500ms", "hold_at_most": "1h", "unread": "hold", "jobs": {"limit": "64 MB", "ages": ["1m", "2h"]}}
    assert read(spoiled({"resources": {"throttle": named}})).resources.throttle == Throttling(
        every=0.5,
        hold_at_most=3600.0,
        unread="hold",
        signals={"jobs": {"limit": 64 * 1024**2, "ages": [60.0, 7200.0], "patience": 30.0}},
    )


def test_throttles_do_not_count_for_the_digest(read: Read, spoiled: Spoiled, base: str) -> None:
    with_one = read(spoiled({"resources": {"throttle": {"jobs": {"limit": "64MB"}}}}))
    assert with_one.digest == read(base).digest


def test_zero_retry_means_never(read: Read, spoiled: Spoiled) -> None:
    assert read(spoiled({"task.retry": {"for": 0}})).task.retry_for == 0


def test_chosen_objects_keep_their_patterns_with_their_places(read: Read, base: str, tmp_path: Path) -> None:
    objects = """
    databases:
      crm:
      shop:
        target: shop_eu
        include: [{schema: sales}, {table: "public.order_*"}]
        exclude: [{table: sales.audit_log}]
        rows: {public.events: "at >= date '2026-01-01'", public.cache: none}
    roles: [app, "report_*"]
"""
    selection = read(
        base.replace("{type: full, objects: entire_instance}", f"\n  type: full\n  objects:{objects}")
    ).selection
    place = f"{tmp_path / 'spec.yaml'}:"
    assert not selection.entire_instance
    assert selection.roles == ("app", "report_*")
    assert selection.databases == {
        "crm": DatabaseSelection(name="crm", target="crm"),
        "shop": DatabaseSelection(
            name="shop",
            target="shop_eu",
            include=(
                Pattern(selector="schema", text="sales", place=f"{place}16:19"),
                Pattern(selector="table", text="public.order_*", place=f"{place}16:36"),
            ),
            exclude=(Pattern(selector="table", text="sales.audit_log", place=f"{place}17:19"),),
            rows={"public.events": "at >= date '2026-01-01'", "public.cache": None},
        ),
    }


def test_roles_alone_can_be_moved(read: Read, spoiled: Spoiled) -> None:
    selection = read(spoiled({"migration.objects": {"roles": ["*"]}})).selection
    assert (selection.entire_instance, selection.databases, selection.roles) == (False, {}, ("*",))


def test_two_databases_cannot_become_one(complaints: Complaints, spoiled: Spoiled) -> None:
    [line] = complaints(spoiled({"migration.objects": {"databases": {"a": {"target": "c"}, "b": {}, "c": None}}}))
    assert line.endswith("/migration/objects/databases/c: `c` and `a` would both become `c`")


def test_changes_are_followed_by_an_engine_that_is_there(tmp_path: Path, spoiled: Spoiled) -> None:
    def read(**options: object) -> Spec:
        text = spoiled({"migration.type": "full_incremental", "migration.stages": {"incremental": options}}).replace(
            "type: network", "type: public_network"
        )
        return parse_spec(text, path=tmp_path / "spec.yaml", registry=load_registry())

    assert read(engine="subscription", groups=2).migration_type is MigrationType.FULL_INCREMENTAL
    with pytest.raises(InvalidSpec, match="no engine of this name: expected .*subscription") as caught:
        read(engine="subscriptoin")
    assert caught.value.hint == "did you mean `subscription`?"


class TestPasswords:
    def test_one_in_plain_text_is_accepted_with_an_alarm_that_names_the_place(
        self, read: Read, spoiled: Spoiled
    ) -> None:
        spec = read(spoiled({"source.password": "geheim"}))
        assert spec.source.password == SecretReference(kind="plain", value="geheim")
        [warning] = spec.warnings
        assert warning.startswith("spec.secrets_plaintext: the password of the source is written in plain text at ")
        assert "spec.yaml:9:13" in warning

    def test_one_in_plain_text_is_neither_shown_nor_kept_in_the_document(self, read: Read, spoiled: Spoiled) -> None:
        spec = read(spoiled({"source.password": "geheim", "target.password": "geheim"}))
        assert "geheim" not in repr(spec)
        assert "geheim" not in str(spec.warnings)
        assert "geheim" not in str(spec.document)
        assert spec.document["source"]["password"] == "***"

    def test_a_reference_gives_no_alarm(self, read: Read, spoiled: Spoiled) -> None:
        assert read(spoiled({"source.password": {"env": "SHOP"}})).warnings == ()

    def test_a_reference_behind_an_alias_counts_for_both(self, read: Read, base: str) -> None:
        text = base.replace("source:\n", "source: &end\n  password: {env: SHOP}\n").replace(
            "target:\n", "target:\n  <<: *end\n"
        )
        spec = read(text)
        assert spec.source.password == spec.target.password == SecretReference(kind="env", value="SHOP")
        assert spec.target.access["host"] == "new.example.com"


class TestDigest:
    @pytest.mark.parametrize(
        ("path", "value"),
        [
            ("task.run", "2026-12-01T02:00:00Z"),
            ("task.tags", {"a": "b"}),
            ("task.retry", {"for": "1h"}),
            ("resources", {"copy": 2}),
            ("prechecks", {"policy": "builtin:strict"}),
            ("source.password", "plain"),
            ("target.password", {"env": "X"}),
            ("migration.on_conflict", "fail"),
        ],
    )
    def test_what_does_not_change_what_is_moved_does_not_change_it(
        self, read: Read, base: str, spoiled: Spoiled, path: str, value: Any
    ) -> None:
        assert read(spoiled({path: value})).digest == read(base).digest

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            ("task.name", "other"),
            ("source.access.host", "other"),
            ("source.access.port", 5433),
            ("target.account", "other"),
            ("migration.type", "structural"),
            ("migration.on_conflict", "drop"),
            ("migration.objects", {"databases": {"shop": {}}}),
            ("migration.kinds", {"large_objects": {"batch": 1}}),
        ],
    )
    def test_what_changes_it_does(self, read: Read, base: str, spoiled: Spoiled, path: str, value: Any) -> None:
        assert read(spoiled({path: value})).digest != read(base).digest

    def test_order_comments_quotes_and_aliases_do_not_count(self, read: Read) -> None:
        one = """\
dtsrun: 1
task: {name: t}
source: {type: postgresql, access: {type: network, host: h}}
target: {type: postgresql, access: {type: network, host: h}}
migration: {type: full, objects: entire_instance}
"""
        other = """\
migration: {objects: "entire_instance", type: full}  # all
source: &x {access: {host: 'h', type: network}, type: postgresql}
target: *x
task: {name: t}
dtsrun: 1
"""
        assert read(one).digest == read(other).digest


class TestFiles:
    def test_a_spec_is_read_from_its_file_and_its_path_is_absolute(
        self, registry: Registry, base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "shop.yaml").write_text(base, "utf-8")
        monkeypatch.chdir(tmp_path)
        assert load_spec(Path("shop.yaml"), registry).path == tmp_path / "shop.yaml"

    def test_a_spec_that_is_not_there_says_how_to_begin(self, registry: Registry, tmp_path: Path) -> None:
        with pytest.raises(SpecError, match="cannot be read: no such file") as caught:
            load_spec(tmp_path / "none.yaml", registry)
        assert "dtsrun init" in str(caught.value.hint)

    @pytest.mark.parametrize("name", [".", "a\0b"])
    def test_a_path_that_is_no_file_is_a_spec_error(self, registry: Registry, tmp_path: Path, name: str) -> None:
        with pytest.raises(SpecError, match="cannot be read"):
            load_spec(tmp_path / name, registry)

    def test_an_endless_file_is_refused(self, registry: Registry) -> None:
        with pytest.raises(InvalidSpec):
            load_spec(Path(os.devnull).with_name("zero"), registry)

    def test_local_plugins_start_at_the_specs_folder(self, tmp_path: Path, base: str) -> None:
        spec = tmp_path / "spec.yaml"
        spec.write_text(base + "plugins: [./checks/pci.py, /abs/own.py]\n", "utf-8")
        assert local_plugins(spec) == (tmp_path / "checks/pci.py", Path("/abs/own.py"))

    @pytest.mark.parametrize("plugins", ["x", "{a: b}", "[1, [x]]", "null"])
    def test_malformed_plugins_are_left_to_validation(self, tmp_path: Path, plugins: str, base: str) -> None:
        spec = tmp_path / "spec.yaml"
        spec.write_text(f"{base}plugins: {plugins}\n", "utf-8")
        assert local_plugins(spec) == ()

    def test_a_plugin_file_must_be_there(self, complaints: Complaints, base: str) -> None:
        assert complaints(base + "plugins: [nowhere.py]\n") == ["10:11: /plugins/0: nowhere.py is not a file"]


def test_a_spec_can_be_sent_to_another_process(read: Read, spoiled: Spoiled) -> None:
    spec = read(spoiled({"source.password": "x", "task.run": "2026-12-01T02:00:00+08:00"}))
    assert pickle.loads(pickle.dumps(spec)) == spec
