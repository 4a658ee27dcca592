"""A policy is read with what it extends, each in its own file, and merged: the upper word counts."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from dtsrun.api import Spec
from dtsrun.registry import Registry
from dtsrun.spec import InvalidSpec, parse_spec

WAIVER = {"check": "precheck.target_space", "object": "target", "reason": "grows by itself", "until": "2027-01-31"}
CHECK = {"id": "no_open_orders", "side": "source", "title": "no order is open", "sql": "select id from orders"}


@pytest.fixture
def read(registry: Registry, tmp_path: Path, base: str) -> Callable[..., Spec]:
    """Read a spec with a policy, beside policy files."""

    def read_with(policy: Any, **files: Any) -> Spec:
        for name, content in files.items():
            text = content if isinstance(content, str) else yaml.safe_dump({"dtsrun_policy": 1, **content})
            (tmp_path / f"{name}.yaml").write_text(text, "utf-8")
        text = base + yaml.safe_dump({"prechecks": {"policy": policy}})
        return parse_spec(text, path=tmp_path / "spec.yaml", registry=registry)

    return read_with


@pytest.fixture
def complaints(read: Callable[..., Spec], tmp_path: Path) -> Callable[..., list[str]]:
    def complain(policy: Any, **files: Any) -> list[str]:
        with pytest.raises(InvalidSpec) as caught:
            read(policy, **files)
        return [str(violation).replace(f"{tmp_path}/", "") for violation in caught.value.violations]

    return complain


def test_without_a_policy_the_built_in_default_counts(registry: Registry, base: str) -> None:
    assert parse_spec(base, path=Path("spec.yaml"), registry=registry).policy == {
        "checks": {"precheck.target_space": {"options": {"ratio": 1.2}}},
        "undetermined": "alarm",
        "alarms": "confirm",
        "waivers": [],
        "sql_checks": [],
    }


@pytest.mark.parametrize(
    ("name", "undetermined", "alarms"),
    [("default", "alarm", "confirm"), ("strict", "fail", "fail"), ("lenient", "alarm", "continue")],
)
def test_the_built_in_packs(read: Callable[..., Spec], name: str, undetermined: str, alarms: str) -> None:
    policy = read(f"builtin:{name}").policy
    assert (policy["undetermined"], policy["alarms"]) == (undetermined, alarms)


def test_one_in_place_lies_over_the_default(read: Callable[..., Spec]) -> None:
    policy = read({"alarms": "fail", "checks": {"precheck.target_space": {"severity": "off"}}}).policy
    assert (policy["undetermined"], policy["alarms"]) == ("alarm", "fail")
    assert policy["checks"]["precheck.target_space"] == {"severity": "off", "options": {"ratio": 1.2}}


def test_a_file_starts_at_the_specs_folder_and_extends_from_its_own(read: Callable[..., Spec], tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies/top.yaml").write_text("dtsrun_policy: 1\nextends: [builtin:strict, below.yaml]\n", "utf-8")
    (tmp_path / "policies/below.yaml").write_text("dtsrun_policy: 1\nalarms: continue\n", "utf-8")
    policy = read("policies/top.yaml").policy
    assert (policy["undetermined"], policy["alarms"]) == ("fail", "continue")


def test_later_over_earlier_and_the_own_word_over_all(read: Callable[..., Spec]) -> None:
    policy = read(
        {"extends": ["one.yaml", "two.yaml"], "checks": {"precheck.target_space": {"options": {"ratio": 3}}}},
        one={"alarms": "fail", "undetermined": "fail", "checks": {"precheck.target_space": {"severity": "fail"}}},
        two={"alarms": "continue", "checks": {"precheck.target_space": {"options": {"ratio": 2}}}},
    ).policy
    assert (policy["undetermined"], policy["alarms"]) == ("fail", "continue")
    assert policy["checks"]["precheck.target_space"] == {"severity": "fail", "options": {"ratio": 3}}


def test_a_policy_that_is_silent_of_something_leaves_it_as_it_is(read: Callable[..., Spec]) -> None:
    policy = read({"extends": ["builtin:strict", "own.yaml"]}, own={"checks": {}}).policy
    assert (policy["undetermined"], policy["alarms"]) == ("fail", "fail")


def test_waivers_add_up_and_sql_checks_are_replaced_by_id(read: Callable[..., Spec]) -> None:
    policy = read(
        {"extends": ["one.yaml"], "waivers": [WAIVER], "sql_checks": [{**CHECK, "title": "mine"}]},
        one={
            "waivers": [{**WAIVER, "object": "x"}],
            "sql_checks": [CHECK, {**CHECK, "id": "other", "severity": "alarm"}],
        },
    ).policy
    assert [waiver["object"] for waiver in policy["waivers"]] == ["x", "target"]
    assert [(check["id"], check["title"], check["severity"]) for check in policy["sql_checks"]] == [
        ("no_open_orders", "mine", "fail"),
        ("other", "no order is open", "alarm"),
    ]
    assert policy["waivers"][1]["until"] == "2027-01-31"


def test_a_policy_file_is_judged_with_places_of_its_own(complaints: Callable[..., list[str]]) -> None:
    text = "dtsrun_policy: 1\nalarms: ask\nchecks:\n  precheck.target_spac: {}\nalarms: fail\n"
    assert complaints("own.yaml", own=text) == [
        "own.yaml:4:3: /checks/precheck.target_spac: unknown key; did you mean `precheck.target_space`?",
        "own.yaml:5:1: /alarms: a second key of this name; the first is at line 2",
    ]


def test_a_policy_file_that_is_no_yaml_is_placed(complaints: Callable[..., list[str]]) -> None:
    [line] = complaints("own.yaml", own="a: [1\n")
    assert line.startswith("own.yaml:2:1: ")


def test_a_policy_file_must_say_its_version(complaints: Callable[..., list[str]]) -> None:
    [line] = complaints("own.yaml", own="alarms: fail\n")
    assert line == "own.yaml:1:1: `dtsrun_policy` is missing (Version of this format)"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere.yaml", "nowhere.yaml is not a file"),
        (".", "is not a file"),
        ("a\0b", "character"),
        ("builtin:strikt", "did you mean `strict`?"),
        ("builtin:../core", "built in are default, strict, lenient"),
    ],
)
def test_a_policy_that_cannot_be_read_is_told_where_it_is_named(
    complaints: Callable[..., list[str]], name: str, message: str
) -> None:
    [line] = complaints(name)
    assert line.startswith("spec.yaml:11:11: /prechecks/policy: ")
    assert message in line


def test_what_a_file_extends_is_told_in_that_file(complaints: Callable[..., list[str]]) -> None:
    [line] = complaints("own.yaml", own="dtsrun_policy: 1\nextends:\n  - builtin:strict\n  - gone.yaml\n")
    assert line == "own.yaml:4:5: /extends/1: the policy `gone.yaml` cannot be read: gone.yaml is not a file"


def test_a_fifo_does_not_hang(complaints: Callable[..., list[str]], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "is not a file" in complaints("pipe")[0]


def test_a_cycle_is_named(complaints: Callable[..., list[str]]) -> None:
    [line] = complaints("one.yaml", one={"extends": ["two.yaml"]}, two={"extends": ["one.yaml"]})
    assert line.endswith("two.yaml:3:3: /extends/0: a policy extends itself: one.yaml -> two.yaml -> one.yaml")


def test_one_policy_may_be_extended_twice_without_being_a_cycle(read: Callable[..., Spec]) -> None:
    files = {"a": {"extends": ["c.yaml"]}, "b": {"extends": ["c.yaml"]}, "c": {"alarms": "fail"}}
    assert read({"extends": ["a.yaml", "b.yaml"]}, **files).policy["alarms"] == "fail"


def test_policies_that_multiply_are_stopped(complaints: Callable[..., list[str]]) -> None:
    files = {f"p{n}": {"extends": [f"p{n + 1}.yaml"] * 10} for n in range(8)}
    lines = complaints("p0.yaml", **files, p8={})
    assert any("more than 50 policies extend each other" in line for line in lines)


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ({"waivers": [{**WAIVER, "until": "2027-02-30"}]}, "/until: expected a date such as `2027-01-31`"),
        ({"waivers": [{**WAIVER, "check": "precheck.space"}]}, "did you mean `precheck.target_space`?"),
        ({"waivers": [{"check": "sql.x", "object": "a", "until": "2027-01-01"}]}, "`reason` is missing"),
        ({"waivers": [{**WAIVER, "reason": ""}]}, "/reason: expected at least one character"),
        ({"sql_checks": [{**CHECK, "sql": "delete from orders"}]}, "/sql: expected a query"),
        ({"sql_checks": [{**CHECK, "sql": "select 1; select 2"}]}, "/sql: expected one query, found 2 statements"),
        ({"sql_checks": [{**CHECK, "side": "both"}]}, "/side: expected one of `source`, `target`"),
        ({"sql_checks": [{**CHECK, "id": "No"}]}, "/id: expected a name of lower case letters"),
        ({"sql_checks": [CHECK | {"severity": "of"}]}, "did you mean `off`?"),
        ({"undetermined": "pass"}, "/undetermined: expected one of `fail`, `alarm`"),
    ],
)
def test_waivers_and_sql_checks_are_judged_by_their_form(
    complaints: Callable[..., list[str]], policy: Any, message: str
) -> None:
    [line] = complaints(policy)
    assert message in line


def test_a_waiver_may_name_an_sql_check(read: Callable[..., Spec]) -> None:
    assert (
        read({"waivers": [{**WAIVER, "check": "sql.no_open_orders"}]}).policy["waivers"][0]["check"]
        == "sql.no_open_orders"
    )


def test_two_sql_checks_of_one_id_in_one_policy_are_both_told(complaints: Callable[..., list[str]]) -> None:
    lines = complaints({"sql_checks": [CHECK, CHECK, {**CHECK, "id": "other"}]})
    assert len(lines) == 2
    assert all("another SQL check is called `no_open_orders` too" in line for line in lines)


def test_it_is_known_who_said_what(read: Callable[..., Spec], tmp_path: Path) -> None:
    top = "dtsrun_policy: 1\nextends: [below.yaml]\nalarms: fail\nchecks:\n  precheck.target_space: {severity: alarm}\n"
    below = (
        "dtsrun_policy: 1\nalarms: continue\nchecks:\n  precheck.target_space:\n    severity: fail\n"
        "    options:\n      ratio: 3\n"
    )
    places = read("top.yaml", top=top, below=below).policy_places
    assert {pointer: place.replace(f"{tmp_path}/", "") for pointer, place in places.items()} == {
        "/alarms": "top.yaml:3",
        "/checks/precheck.target_space/severity": "top.yaml:5",
        "/checks/precheck.target_space/options/ratio": "below.yaml:7",
        "/undetermined": "builtin:default:3",
    }


def test_waivers_and_sql_checks_are_placed_as_they_are_counted_after_merging(
    read: Callable[..., Spec], tmp_path: Path
) -> None:
    files = {
        "top": {"waivers": [{**WAIVER, "object": "top"}], "sql_checks": [CHECK, {**CHECK, "id": "other"}]},
        "low": {"waivers": [{**WAIVER, "object": "low"}], "sql_checks": [{**CHECK, "id": "lowest"}, CHECK]},
    }
    spec = read({"extends": ["low.yaml", "top.yaml"]}, **files)
    for number, waiver in enumerate(spec.policy["waivers"]):
        assert f"/{waiver['object']}.yaml:" in spec.policy_places[f"/waivers/{number}"]
    owners = {check["id"]: spec.policy_places[f"/sql_checks/{n}"] for n, check in enumerate(spec.policy["sql_checks"])}
    named = {name: Path(place.partition(":")[0]).stem for name, place in owners.items()}
    assert named == {"lowest": "low", "no_open_orders": "top", "other": "top"}


def test_what_stands_in_the_spec_itself_is_placed_there(read: Callable[..., Spec], tmp_path: Path) -> None:
    places = read({"alarms": "fail"}).policy_places
    assert places["/alarms"] == f"{tmp_path}/spec.yaml:12"
