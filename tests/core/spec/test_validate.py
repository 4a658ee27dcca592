"""A wrong spec is told all that is wrong, where, what was expected and what was found; a secret is never shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dtsrun.api import Stage
from dtsrun.registry import Registry
from dtsrun.spec import InvalidSpec, parse_spec
from dtsrun.spec.validate import nearest

Complaints = Callable[[str], list[str]]
Spoiled = Callable[[dict[str, Any]], str]


@pytest.fixture
def complaint(spoiled: Spoiled, complaints: Complaints) -> Callable[..., str]:
    """Return the one complaint about a spec with a value put in, without its line and column."""

    def complain(path: str, value: Any) -> str:
        [line] = complaints(spoiled({path: value}))
        return line.split(":", 2)[2].strip()

    return complain


def test_all_violations_come_at_once_sorted_by_place(complaints: Complaints) -> None:
    text = """\
dtsrun: 2
task: {name: a b, retry: {for: 5}}
source:
  type: mysql
  access: {type: network, host: h, port: 0}
target:
  access: {type: network}
  pasword: x
migration: {type: full, objects: all}
"""
    assert complaints(text) == [
        "1:9: /dtsrun: expected `1`, found 2",
        "2:14: /task/name: expected a name of at most 63 letters, digits, `_`, `.`, `-` that begins with a letter or "
        'digit, found "a b"',
        "2:32: /task/retry/for: expected a duration such as `90s`, `30m`, `2h`, `1h30m` or 0; units are ms, s, m, h, "
        "d, found 5",
        '4:9: /source/type: expected `postgresql`, found "mysql"',
        "5:42: /source/access/port: expected at least 1, found 0",
        "7:3: /target: `type` is missing (What kind of server it is)",
        "7:11: /target/access: `host` is missing (Name or address)",
        "8:3: /target/pasword: unknown key; did you mean `password`?",
        '9:34: /migration/objects: expected `entire_instance`, found "all"',
    ]


def test_an_unknown_key_without_a_near_one_lists_those_that_are_left(complaint: Callable[..., str]) -> None:
    assert complaint("source.colour", 1) == (
        "/source/colour: unknown key; known here: `account`, `maintenance_database`, `password`, `region`"
    )


def test_an_unknown_access_type_lists_the_known_ones_and_is_the_only_complaint(complaint: Callable[..., str]) -> None:
    assert complaint("source.access", {"type": "carrier_pigeon", "loft": 3}) == (
        '/source/access/type: expected one of `network`, `local`, found "carrier_pigeon"'
    )


def test_a_misspelt_access_type_gets_the_nearest(complaint: Callable[..., str]) -> None:
    assert complaint("source.access", {"type": "netwrok"}).endswith("did you mean `network`?")


def test_only_the_chosen_access_type_judges_its_keys(complaint: Callable[..., str]) -> None:
    assert complaint("source.access", {"type": "network", "host": "h", "socket": "/x"}) == (
        "/source/access/socket: unknown key; known here: `passphrase`, `pin`, `port`, `tls`"
    )


@pytest.mark.parametrize(
    ("access", "message"),
    [
        ({"type": "local"}, "expected one of the keys `service`, `socket`, found a mapping of one key"),
        ({"type": "local", "service": "a", "socket": "b"}, "expected just one of the forms"),
    ],
)
def test_one_of_several_forms_is_asked_for(complaint: Callable[..., str], access: Any, message: str) -> None:
    assert message in complaint("source.access", access)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("task.tags", {"a": 5}, "/task/tags/a: expected text, found 5; write it in quotes"),
        ("task.tags", {"a": None}, "/task/tags/a: expected text, found nothing"),
        ("task.tags", "x", '/task/tags: expected a mapping, found "x"'),
        ("task.name", "", "/task/name: expected a name"),
        ("task.name", "x" * 100, 'found "' + "x" * 56 + "..."),
        ("task.run", "2026-12-01T02:00", "add `Z` or an offset"),
        ("source.access.port", "5432", '/source/access/port: expected a whole number, found "5432"'),
        ("source.access.port", 5432.0, "expected a whole number, found 5432.0"),
        ("source.access.port", True, "expected a whole number, found true"),
        ("source.access.tls", {"mode": "verify_full"}, "did you mean `verify-full`?"),
        ("source.access.tls", {"mod": "require"}, "/source/access/tls/mod: unknown key; did you mean `mode`?"),
        ("source.region", "", "expected at least one character"),
        ("migration.type", "strucural", "did you mean `structural`?"),
        ("migration.on_conflict", False, "expected one of `fail`, `skip`, `drop`, found false"),
        ("migration.objects", {}, "expected at least one key, found a mapping of no keys"),
        ("migration.objects", ["entire_instance"], "expected text or a mapping, found a list of one item"),
        ("migration.objects", {"schemas": []}, "/migration/objects/schemas: unknown key; known here"),
        ("migration.objects", {"databases": {"a": {"include": []}}}, "expected at least one item"),
        ("migration.objects", {"databases": {"a": {"include": [{"tabel": "x"}]}}}, "did you mean `table`?"),
        ("migration.objects", {"databases": {"a": {"include": [{"table": "x", "schema": "y"}]}}}, "at most one key"),
        ("migration.objects", {"databases": {"a": {"include": ["x"]}}}, "expected a mapping"),
        ("migration.objects", {"databases": {"a": {"rows": {"x": "none"}}}}, "expected a table with its schema"),
        ("migration.objects", {"databases": {"a": {"rows": {"s.t": "a; b"}}}}, "expected one expression, found `;`"),
        ("migration.objects", {"databases": {"a": {"rows": {"s.t": None}}}}, "expected text, found nothing"),
        ("migration.kinds", {"large_object": {}}, "did you mean `large_objects`?"),
        ("migration.kinds", {"large_objects": {"batch": 0}}, "expected at least 1, found 0"),
        ("migration.stages", {"verify": {"mode": "al"}}, "expected one of `full`, `rows`, `none`"),
        ("resources.copy", "many", 'expected a whole number or `auto`, found "many"'),
        ("resources.copy", "aut", "did you mean `auto`?"),
        ("resources.index", 0, "expected at least 1, found 0"),
        ("resources.rate_limit", "1gb", "expected a rate such as"),
        ("resources.split_tables_larger_than", "1gb", "expected a size such as"),
        ("resources.throttle", {"jobs": {}}, "/resources/throttle/jobs: `limit` is missing (Jobs that may wait)"),
        (
            "resources.throttle",
            {"jobz": {"limit": "1kB"}},
            "/resources/throttle/jobz: unknown key; did you mean `jobs`?",
        ),
        ("resources.throttle", {"jobs": {"limit": 64}}, "expected text, found 64; write it in quotes"),
        ("resources.throttle", {"jobs": {"limit": "64M"}}, "expected a size such as"),
        ("resources.throttle", {"jobs": {"limit": "1kB", "age": 1}}, "/resources/throttle/jobs/age: unknown key"),
        ("resources.throttle", {"every": "0s"}, "expected a duration of more than nothing"),
        ("resources.throttle", {"unread": "stop"}, "expected one of `go_on`, `hold`"),
        ("plugins", ["a.py", "a.py"], "expected each item once"),
        ("prechecks", {"policy": {"checks": {"precheck.target_spac": {}}}}, "did you mean `precheck.target_space`?"),
        ("prechecks", {"policy": {"alarms": "ask"}}, "expected one of `continue`, `confirm`, `fail`"),
    ],
)
def test_what_was_expected_and_what_was_found(
    complaint: Callable[..., str], path: str, value: Any, message: str
) -> None:
    assert message in complaint(path, value)


def test_a_violation_has_the_place_of_the_key_or_of_the_value_that_it_is_about(
    complaints: Complaints, base: str
) -> None:
    text = base.replace("host: old.example.com", "\n    host: 1,\n    hots: x")
    assert [line.split(" ")[0] for line in complaints(text)] == ["6:11:", "7:5:"]


@pytest.mark.parametrize("document", ["x", "5", "[]", "null", "[dtsrun, 1]"])
def test_a_document_that_is_no_mapping_is_told_so(complaints: Complaints, document: str) -> None:
    [line] = complaints(document)
    assert line.startswith("1:1: expected a mapping, found ")


class TestSecrets:
    SECRET = "hunter22"

    @pytest.mark.parametrize(
        "password",
        [
            '["hunter22"]',
            "{env: [hunter22]}",
            "{env: {a: hunter22}}",
            "{command: hunter22}",
            "{file: 2222}",
            "{env: hunter=hunter22}",
            "!hunter22 x",
            "*hunter22",
            "hunter22 # x\n  password: hunter22",
            "@hunter22",
            "%hunter22",
            '"hunter22',
            "hunter22: hunter22: x",
            "|hunter22",
        ],
    )
    def test_a_password_is_in_no_message(self, complaints: Complaints, base: str, password: str) -> None:
        text = base.replace("target:", f"  password: {password}\ntarget:", 1)
        lines = complaints(text)
        assert lines
        assert self.SECRET not in "\n".join(lines)

    @pytest.mark.parametrize("key", ["passphrase", "pin"])
    def test_other_secrets_are_known_by_their_name_or_by_write_only(
        self, complaint: Callable[..., str], key: str
    ) -> None:
        line = complaint(f"source.access.{key}", "1234567")
        assert line == f"/source/access/{key}: expected at least 8 characters, found text (not shown)"

    def test_an_unknown_key_does_not_show_its_value(self, complaint: Callable[..., str]) -> None:
        assert self.SECRET not in complaint("source.pasword", self.SECRET)

    def test_an_unknown_kind_of_reference_lists_the_known_ones(self, complaint: Callable[..., str]) -> None:
        assert complaint("source.password", {"vault": "x"}).endswith("known here: `command`, `env`, `file`")

    def test_a_reference_is_of_one_kind(self, complaint: Callable[..., str]) -> None:
        line = complaint("source.password", {"env": "A", "file": "b"})
        assert line == "/source/password: expected at most one key, found a mapping of 2 keys"


class Shapes(Stage):
    """Options of many forms"""

    name = "stage.shapes"
    options = {
        "properties": {
            "either": {"anyOf": [{"type": "integer", "maximum": 9}, {"type": "array", "items": {"type": "string"}}]},
            "form": {
                "oneOf": [
                    {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
                    {"type": "object", "properties": {"b": {"type": "integer"}, "c": {}}, "required": ["b", "c"]},
                ]
            },
            "even": {"type": "integer", "multipleOf": 2},
            "above": {"type": "number", "exclusiveMinimum": 0},
            "free": {"type": "object", "patternProperties": {"^x-": {}}, "additionalProperties": False},
            "code": {"type": "string", "pattern": "^[A-Z]+$"},
        }
    }

    def plan(self, context: Any) -> Any:
        return ()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"either": 10}, "/migration/stages/shapes/either: expected at most 9, found 10"),
        ({"either": ["a", 1]}, "/migration/stages/shapes/either/1: expected text, found 1"),
        ({"either": "x"}, 'expected a whole number or a list, found "x"'),
        ({"form": {"a": "x"}}, "/migration/stages/shapes/form/a: expected a whole number"),
        ({"form": {}}, "expected one of the keys `a`, `b`, `c`"),
        ({"even": 3}, "expected what the schema says of `multipleOf`, found 3"),
        ({"above": 0}, "expected more than 0, found 0"),
        ({"free": {"x-a": 1, "y": 2}}, "/migration/stages/shapes/free/y: unknown key"),
        ({"code": "abc"}, 'expected text that matches ^[A-Z]+$, found "abc"'),
    ],
)
def test_whatever_a_plugins_schema_asks_for_is_told_in_words(
    registry_with: Callable[..., Registry], spoiled: Spoiled, options: Any, message: str
) -> None:
    with pytest.raises(InvalidSpec) as caught:
        parse_spec(
            spoiled({"migration.stages": {"shapes": options}}), path=Path("s.yaml"), registry=registry_with(Shapes)
        )
    [violation] = caught.value.violations
    assert message in str(violation)


def test_the_nearest_word_is_near_or_none() -> None:
    assert nearest("Pasword", ["password", "port"]) == "password"
    assert nearest("colour", ["password", "port"]) is None
    assert nearest("x", []) is None
