"""Formats that a schema can ask for, beside those of JSON Schema; plugins' options may use them too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final

from jsonschema import FormatChecker

from dtsrun.spec.quantities import parse_duration, parse_rate, parse_size, parse_time

NO_ROWS: Final = "none"
"""What `rows` says for a table whose rows stay."""

AUTO: Final = "auto"


def _check_date(text: str) -> None:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise ValueError("expected a date such as `2027-01-31`") from None


def _check_filter(text: str) -> None:
    if text != NO_ROWS:
        # A parser of SQL takes longer to import than all of a spec without SQL to read.
        from dtsrun.spec.queries import check_row_filter

        check_row_filter(text)


def _check_query(text: str) -> None:
    from dtsrun.spec.queries import check_query

    check_query(text)


def _check_size_or_auto(text: str) -> None:
    if text != AUTO:
        parse_size(text)


def _check_positive_duration(text: str) -> None:
    if parse_duration(text) == 0:
        raise ValueError("expected a duration of more than nothing, such as `5s`")


FORMATS: Final[Mapping[str, Callable[[str], object]]] = {
    "dtsrun-date": _check_date,
    "dtsrun-duration": parse_duration,
    "dtsrun-positive-duration": _check_positive_duration,
    "dtsrun-query": _check_query,
    "dtsrun-rate": parse_rate,
    "dtsrun-row-filter": _check_filter,
    "dtsrun-size": parse_size,
    "dtsrun-size-or-auto": _check_size_or_auto,
    "dtsrun-time": parse_time,
}
"""Each raises a ValueError that says what was expected."""


NUMBERS: Final[Mapping[str, Callable[[Any], float]]] = {
    "dtsrun-duration": parse_duration,
    "dtsrun-positive-duration": parse_duration,
    "dtsrun-rate": parse_rate,
    "dtsrun-size": parse_size,
}
"""Formats that stand for numbers: seconds, and bytes."""


def with_numbers(schema: Mapping[str, Any], value: Any) -> Any:
    """Return a copy of a valid value in which durations are seconds, sizes bytes and rates bytes a second."""
    if isinstance(value, Mapping):
        known = schema.get("properties", {})
        return {key: with_numbers(known.get(key, {}), item) for key, item in value.items()}
    if isinstance(value, list):
        return [with_numbers(schema.get("items", {}), item) for item in value]
    parse = NUMBERS.get(schema.get("format", ""))
    return parse(value) if parse and value is not None else value


def format_checker() -> FormatChecker:
    """Return a checker of all formats."""
    checker = FormatChecker(formats=())
    for name, check in FORMATS.items():
        checker.checks(name, raises=ValueError)(_applied(name, check))
    return checker


def _applied(name: str, check: Callable[[Any], object]) -> Callable[[object], bool]:
    """Return the check for text alone; a number where a unit is needed is said to lack it."""

    def is_right(value: object) -> bool:
        is_number = name == "dtsrun-duration" and isinstance(value, int) and not isinstance(value, bool)
        if isinstance(value, str) or is_number:
            check(value)
        return True

    return is_right
