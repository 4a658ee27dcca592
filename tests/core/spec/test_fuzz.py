"""Whatever stands in a file, reading it gives a Spec or a SpecError: never anything else."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dtsrun.api import Spec
from dtsrun.errors import SpecError
from dtsrun.registry import Registry
from dtsrun.spec import parse_spec
from dtsrun.spec.queries import check_query, check_row_filter

bounded = settings(
    max_examples=60, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

WORDS: Final = (
    "dtsrun",
    "task",
    "name",
    "run",
    "retry",
    "for",
    "source",
    "target",
    "type",
    "postgresql",
    "access",
    "network",
    "local",
    "host",
    "port",
    "service",
    "socket",
    "password",
    "env",
    "file",
    "command",
    "migration",
    "full",
    "structural",
    "full_incremental",
    "objects",
    "entire_instance",
    "databases",
    "roles",
    "include",
    "exclude",
    "rows",
    "none",
    "schema",
    "table",
    "on_conflict",
    "fail",
    "kinds",
    "stages",
    "verify",
    "mode",
    "prechecks",
    "policy",
    "builtin:strict",
    "extends",
    "checks",
    "precheck.target_space",
    "waivers",
    "sql_checks",
    "sql",
    "resources",
    "copy",
    "auto",
    "rate_limit",
    "throttle",
    "jobs",
    "plugins",
    "tags",
)

words = st.sampled_from(WORDS)
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12), words)
values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(words | st.text(max_size=5), inner, max_size=5)
    ),
    max_leaves=20,
)
pieces = st.lists(
    st.one_of(
        words,
        st.text(max_size=4),
        st.sampled_from([": ", "\n", "\n  ", "- ", "{", "}", "[", "]", "&a ", "*a", "!", "|"]),
    ),
    max_size=40,
)


def outcome(text: str | bytes, registry: Registry) -> Spec | SpecError:
    try:
        return parse_spec(text, path=Path("nowhere/spec.yaml"), registry=registry)
    except SpecError as error:
        assert str(error)
        return error


@given(st.binary(max_size=300))
@bounded
def test_any_bytes(registry: Registry, data: bytes) -> None:
    assert isinstance(outcome(data, registry), SpecError)


@given(st.text(st.characters(), max_size=200))
@bounded
def test_any_text(registry: Registry, text: str) -> None:
    assert isinstance(outcome(text, registry), SpecError)


@given(pieces)
@bounded
def test_text_that_looks_like_yaml(registry: Registry, parts: list[str]) -> None:
    assert isinstance(outcome("".join(parts), registry), Spec | SpecError)


@given(values)
@bounded
def test_any_structure_of_known_words(registry: Registry, value: Any) -> None:
    assert isinstance(outcome(yaml.safe_dump(value), registry), Spec | SpecError)


PATHS: Final = (
    "task",
    "task.run",
    "task.retry",
    "source",
    "source.access",
    "source.access.port",
    "source.password",
    "target.account",
    "migration.objects",
    "migration.objects.databases",
    "migration.objects.databases.a.rows",
    "migration.kinds",
    "migration.objects.databases.a.include",
    "migration.stages.verify",
    "prechecks",
    "prechecks.policy",
    "prechecks.policy.extends",
    "prechecks.policy.checks",
    "prechecks.policy.waivers",
    "prechecks.policy.sql_checks",
    "resources",
    "resources.copy",
    "plugins",
)


@given(st.sampled_from(PATHS), values)
@bounded
def test_a_valid_spec_with_anything_anywhere(registry: Registry, base: str, path: str, value: Any) -> None:
    data = yaml.safe_load(base)
    *parents, last = path.split(".")
    inner = data
    for part in parents:
        if not isinstance(inner.get(part), dict):
            inner[part] = {}
        inner = inner[part]
    inner[last] = value
    assert isinstance(outcome(yaml.safe_dump(data), registry), Spec | SpecError)


@given(st.integers(0, 200), st.text(max_size=6), st.integers(0, 20))
@bounded
def test_a_valid_spec_with_a_part_replaced(registry: Registry, base: str, at: int, text: str, length: int) -> None:
    assert isinstance(outcome(base[:at] + text + base[at + length :], registry), Spec | SpecError)


sql_pieces = st.lists(
    st.one_of(
        st.sampled_from(
            (
                "a",
                "b.c",
                "1",
                "'x'",
                "(",
                ")",
                "[",
                "]",
                ",",
                "=",
                "<",
                "and",
                "or",
                "not",
                "null",
                "is",
                "in",
                "like",
                "select",
                "from",
                "where",
                "count",
                "case",
                "when",
                "then",
                "else",
                "end",
                "::",
                "--",
                "/*",
                "*/",
                ";",
                "$$",
                "$1",
                '"',
                "'",
                "e'\\'",
                ":x",
                "?",
                "||",
                "interval",
                "date",
                "over",
                "filter",
                "exists",
                "array",
                "any",
                "union",
                "with",
                "values",
            )
        ),
        st.text(max_size=3),
    ),
    max_size=15,
)


@pytest.mark.parametrize("check", [check_row_filter, check_query])
@given(parts=sql_pieces)
@bounded
def test_any_sql_is_accepted_or_refused_with_a_reason(check: Any, parts: list[str]) -> None:
    try:
        check(" ".join(parts))
    except ValueError as error:
        assert str(error).startswith("expected")


@given(parts=sql_pieces)
@bounded
def test_an_accepted_filter_has_no_way_out_of_its_parentheses(parts: list[str]) -> None:
    text = " ".join(parts)
    try:
        check_row_filter(text)
    except ValueError:
        return
    with pytest.raises(ValueError, match="^expected"):
        check_row_filter(f"{text})")
    check_row_filter(f"({text}) and true")
