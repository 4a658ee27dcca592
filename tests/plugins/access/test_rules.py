"""Rules of access types that the spec alone tells: violations with their places."""

from __future__ import annotations

from pathlib import Path

import pytest

from dtsrun.registry import load_registry
from dtsrun.spec import InvalidSpec, Violation, parse_spec

SPEC = """\
dtsrun: 1
task: {{name: shop}}
source:
  type: postgresql
  access: {source}
  {source_region}
target:
  type: postgresql
  access: {target}
  {target_region}
migration: {{type: full, objects: entire_instance}}
"""
PUBLIC = "{type: public_network, host: db.example.com}"
MACHINE = "{type: self_build_cvm, instance: ins-1, port: 5432}"
DATABASE = "{type: database, instance: postgres-1a2b3c4d}"


def violations(source: str, target: str, *regions: str) -> tuple[Violation, ...]:
    first, second = (f"region: {region}" if region else "" for region in (*regions, "", "")[:2])
    text = SPEC.format(source=source, target=target, source_region=first, target_region=second)
    try:
        parse_spec(text, path=Path("spec.yaml"), registry=load_registry())
    except InvalidSpec as error:
        return error.violations
    return ()


def test_one_region_is_right() -> None:
    assert violations(MACHINE, DATABASE, "ap-guangzhou", "ap-guangzhou") == ()
    assert violations(PUBLIC, DATABASE, "", "ap-guangzhou") == ()


def test_across_regions_the_way_out_is_named() -> None:
    [violation] = violations(PUBLIC, MACHINE, "ap-beijing", "ap-guangzhou")
    assert (violation.line, violation.column, violation.path) == (9, 18, "/target/access/type")
    assert "self_build_cvm does not reach across regions" in violation.message
    assert "public_network" in violation.hint


@pytest.mark.parametrize(
    ("source", "target", "path"),
    [
        (PUBLIC, DATABASE, "/target"),
        (MACHINE, PUBLIC, "/source"),
    ],
)
def test_a_region_that_a_rule_needs_is_asked_for(source: str, target: str, path: str) -> None:
    found = violations(source, target)
    assert found[0].path == path
    assert all("`region` is missing" in violation.message for violation in found)


def test_the_other_ends_region_is_asked_for_too() -> None:
    [violation] = violations(MACHINE, PUBLIC, "ap-guangzhou")
    assert violation.path == "/target"
    assert "self_build_cvm of the source" in violation.message


def test_a_key_that_is_not_known_comes_with_the_nearest() -> None:
    [violation] = violations("{type: database, instnace: postgres-1, instance: postgres-1}", PUBLIC, "here")
    assert violation.path == "/source/access/instnace"
    assert "did you mean `instance`?" in violation.message


@pytest.mark.parametrize(
    ("inventory", "path", "words"),
    [
        ("{type: files, path: i.yaml}", "/source/access/inventory/type", "did you mean `file`?"),
        ("{type: file}", "/source/access/inventory", "`path` is missing"),
        ("{type: file, path: i.yaml, region: x}", "/source/access/inventory/region", "unknown key"),
        ("inventory.yaml", "/source/access/inventory", "expected a mapping"),
    ],
)
def test_an_inventory_is_checked_like_all_else(inventory: str, path: str, words: str) -> None:
    source = f"{{type: database, instance: postgres-1, inventory: {inventory}}}"
    [violation] = violations(source, PUBLIC, "here")
    assert violation.path == path
    assert words in violation.message


def test_all_that_is_missing_is_told_at_once() -> None:
    found = violations("{type: vpn, host: 10.0.0.1}", "{type: ccn, ccn: ccn-1, network: lan}")
    missing = [
        violation.message.partition("`")[2].partition("`")[0] for violation in found if "missing" in violation.message
    ]
    assert sorted(missing) == ["gateway", "host", "port", "port", "subnet", "subnet", "vpc", "vpc"]
    assert any("expected one of `idc`, `vpc`" in violation.message for violation in found)


def digest(access: str) -> str:
    text = SPEC.format(source=access, target=PUBLIC, source_region="region: here", target_region="")
    return parse_spec(text, path=Path("spec.yaml"), registry=load_registry()).digest


def test_where_an_address_or_a_passphrase_is_had_from_does_not_change_the_task() -> None:
    instance = "{type: database, instance: postgres-1"
    elsewhere = digest(f"{instance}, inventory: {{type: file, path: other.yaml}}}}")
    assert digest(f"{instance}}}") == elsewhere
    assert digest("{type: database, instance: postgres-2}") != elsewhere
    locked = "{type: public_network, host: h, tls: {cert: c, key: k, key_password: {env: %s}}}"
    assert digest(locked % "ONE") == digest(locked % "OTHER")
    assert digest(locked % "ONE") != digest("{type: public_network, host: h, tls: {cert: c, key: other}}")


@pytest.mark.parametrize(
    ("tls", "words"),
    [
        ("{cert: c, key: k, key_password: open sesame}", "expected a mapping, found text (not shown)"),
        ("{key_password: {env: A}}", "`key` is missing, which `key_password` needs"),
        ("{cert: c}", "`key` is missing, which `cert` needs"),
        ("{mode: verify_full}", "did you mean `verify-full`?"),
    ],
)
def test_tls_is_checked_before_any_connection(tls: str, words: str) -> None:
    [violation] = violations(f"{{type: public_network, host: h, tls: {tls}}}", PUBLIC)
    assert words in violation.message
    assert "open sesame" not in violation.message
