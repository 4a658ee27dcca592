"""Validation against a schema: every violation, in words for people, with its place."""

from __future__ import annotations

import difflib
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import ValidationError

from dtsrun.spec.document import Document
from dtsrun.spec.formats import format_checker
from dtsrun.spec.schema import Schema
from dtsrun.spec.violations import Violation

SHOWN_CHARACTERS: Final = 60
LISTED_KEYS: Final = 20

_SECRET_KEYS: Final = ("password", "passphrase", "secret", "token", "credential")
_SHAPES: Final = frozenset({"type", "const", "enum", "pattern", "format"})
"""Keywords that tell, at the value itself, that a branch of a union is not the one meant."""

_TYPES: Final = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "a mapping",
    "array": "a list",
    "null": "nothing",
}


def _is_integer(_: object, value: object) -> bool:
    # JSON Schema takes 1.0 for an integer; the model must not get a float where it expects an int.
    return isinstance(value, int) and not isinstance(value, bool)


_VALIDATOR: Any = validators.extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, type_checker=Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_integer)
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """One error of jsonschema, as far as we need it."""

    keyword: str
    asked: Any
    """The keyword's value in the schema."""
    schema: Mapping[str, Any]
    """What the keyword stands in."""
    path: tuple[str | int, ...]
    found: Any
    cause: Exception | None
    is_here: bool
    """For a fault in a branch of a union: whether it is the union's own value that is at fault, no part of it."""
    branches: Sequence[Sequence[Fault]]
    """For a union: the faults of each branch."""


def violations_of(document: Document, schema: Schema) -> list[Violation]:
    """Return all violations of a document, sorted by place."""
    validator = _VALIDATOR(schema, format_checker=format_checker())
    faults = (each for error in validator.iter_errors(document.data) for each in _decided(_fault(error)))
    return sorted({violation for fault in faults for violation in _violations(document, fault)})


def _fault(error: ValidationError) -> Fault:
    branches = defaultdict(list)
    for inner in error.context or ():
        branches[inner.relative_schema_path[0]].append(_fault(inner))
    return Fault(
        keyword=str(error.validator),
        asked=error.validator_value,
        schema=error.schema if isinstance(error.schema, Mapping) else {},
        path=tuple(error.absolute_path),
        found=error.instance,
        cause=error.cause,
        is_here=not error.relative_path,
        branches=tuple(branches.values()),
    )


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that a word was probably meant to be."""
    by_folded = {each.casefold(): each for each in known}
    close = difflib.get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[close[0]] if close else None


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """Return `; did you mean ...?`, or nothing where no known word is near."""
    close = nearest(word, known) if isinstance(word, str) else None
    return f"; did you mean `{close}`?" if close else ""


# -- Unions: the errors of the branch that was meant, not of all ---------------------------------------------------


def _decided(fault: Fault) -> Iterator[Fault]:
    meant = [faults for faults in fault.branches if not any(map(_is_other_shape, faults))]
    if not meant or (len(meant) > 1 and all(_is_missing_key(inner) for faults in meant for inner in faults)):
        yield fault
        return
    for inner in min(meant, key=len):
        yield from _decided(inner)


def _is_other_shape(fault: Fault) -> bool:
    return fault.is_here and fault.keyword in _SHAPES


def _is_missing_key(fault: Fault) -> bool:
    return fault.is_here and fault.keyword == "required"


# -- Words ---------------------------------------------------------------------------------------------------------


def _violations(document: Document, fault: Fault) -> Iterator[Violation]:
    path = fault.path
    if fault.keyword == "additionalProperties":
        for key in (key for key in fault.found if _is_unknown(key, fault.schema)):
            yield document.violation([*path, key], _unknown_key(key, fault), key=True)
    elif fault.keyword == "required":
        for key in (key for key in fault.asked if key not in fault.found):
            yield document.violation(path, f"`{key}` is missing{_description(fault.schema, key)}")
    elif fault.keyword == "dependentRequired":
        for key in (key for key in fault.asked if key in fault.found):
            for needed in (each for each in fault.asked[key] if each not in fault.found):
                yield document.violation(path, f"`{needed}` is missing, which `{key}` needs")
    elif isinstance(fault.found, str) and isinstance(_at(document.data, path), dict):
        yield document.violation([*path, fault.found], _message(fault, path), key=True)  # propertyNames
    else:
        yield document.violation(path, _message(fault, path))


def _is_unknown(key: str, schema: Mapping[str, Any]) -> bool:
    patterns = schema.get("patternProperties", {})
    return key not in schema.get("properties", {}) and not any(re.search(pattern, key) for pattern in patterns)


def _unknown_key(key: str, fault: Fault) -> str:
    known = fault.schema.get("properties", {})
    left = sorted(each for each in known if each not in fault.found)
    near = did_you_mean(key, known)
    if near or not left or len(left) > LISTED_KEYS:
        return f"unknown key{near}"
    return f"unknown key; known here: {_listed(left)}"


def _description(schema: Mapping[str, Any], key: str) -> str:
    words = schema.get("properties", {}).get(key, {}).get("description", "")
    return f" ({words.rstrip('.')})" if words else ""


def _at(data: Any, path: Iterable[str | int]) -> Any:
    for part in path:
        data = data[part]
    return data


def _message(fault: Fault, path: Sequence[str | int]) -> str:
    is_secret = fault.schema.get("writeOnly") or any(
        word in str(part).lower() for part in path for word in _SECRET_KEYS
    )
    expected = _expected(fault)
    if ", found " in expected:
        return expected
    return f"{expected}, found {_found(fault.found, hidden=is_secret)}{'' if is_secret else _remedy(fault)}"


def _found(value: Any, *, hidden: bool) -> str:
    """Return what was found, in one short line."""
    if isinstance(value, dict):
        return f"a mapping of {_counted(len(value), 'key')}"
    if isinstance(value, list):
        return f"a list of {_counted(len(value), 'item')}"
    if value is None:
        return "nothing"
    if hidden:
        return f"{'text' if isinstance(value, str) else 'another value'} (not shown)"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 3]}..."


def _expected(fault: Fault) -> str:
    return _EXPECTED.get(fault.keyword, _expected_otherwise)(fault)


def _expected_otherwise(fault: Fault) -> str:
    return f"expected what the schema says of `{fault.keyword}`"


def _expected_type(fault: Fault) -> str:
    names = [fault.asked] if isinstance(fault.asked, str) else fault.asked
    return f"expected {' or '.join(_TYPES[name] for name in names)}"


def _expected_enum(fault: Fault) -> str:
    values = [fault.asked] if fault.keyword == "const" else fault.asked
    if not values:
        return "expected nothing, since no plugin offers one"
    return f"expected {'one of ' if len(values) > 1 else ''}{_listed(values)}"


def _expected_pattern(fault: Fault) -> str:
    return f"expected {fault.schema.get('patternErrorMessage') or f'text that matches {fault.asked}'}"


def _expected_format(fault: Fault) -> str:
    return str(fault.cause) if fault.cause else f"expected text of the format {fault.asked}"


def _expected_limit(fault: Fault) -> str:
    bound, noun = _LIMITS[fault.keyword]
    count = fault.asked
    return f"expected {bound} {_counted(count, noun) if noun else count}"


def _counted(count: int, noun: str) -> str:
    return f"one {noun}" if count == 1 else f"{count or 'no'} {noun}s"


def _expected_union(fault: Fault) -> str:
    inner = [each for faults in fault.branches for each in faults if each.is_here]
    if not inner:
        return "expected just one of the forms that are allowed here"
    if all(each.keyword == "required" for each in inner):
        keys = dict.fromkeys(key for each in inner for key in each.asked)
        return f"expected one of the keys {_listed(keys)}"
    return " or ".join(dict.fromkeys(_expected(each) for each in inner)).replace(" or expected ", " or ")


def _remedy(fault: Fault) -> str:
    """Return what to write instead, where that can be told."""
    if fault.keyword == "type" and "string" in fault.asked and isinstance(fault.found, int | float):
        return "; write it in quotes"
    if fault.keyword in ("const", "enum"):
        return did_you_mean(fault.found, _expected_words(fault))
    if fault.keyword in ("anyOf", "oneOf"):
        return next(filter(None, (_remedy(inner) for faults in fault.branches for inner in faults)), "")
    return ""


def _expected_words(fault: Fault) -> list[str]:
    values = [fault.asked] if fault.keyword == "const" else fault.asked
    return [value for value in values if isinstance(value, str)]


def _listed(values: Iterable[object]) -> str:
    return ", ".join(f"`{value if isinstance(value, str) else json.dumps(value)}`" for value in values)


_LIMITS: Final = {
    "minimum": ("at least", ""),
    "maximum": ("at most", ""),
    "exclusiveMinimum": ("more than", ""),
    "exclusiveMaximum": ("less than", ""),
    "minLength": ("at least", "character"),
    "maxLength": ("at most", "character"),
    "minItems": ("at least", "item"),
    "maxItems": ("at most", "item"),
    "minProperties": ("at least", "key"),
    "maxProperties": ("at most", "key"),
}

_EXPECTED: Final[Mapping[str, Callable[[Fault], str]]] = {
    "type": _expected_type,
    "const": _expected_enum,
    "enum": _expected_enum,
    "pattern": _expected_pattern,
    "format": _expected_format,
    "anyOf": _expected_union,
    "oneOf": _expected_union,
    "uniqueItems": lambda _: "expected each item once",
    **dict.fromkeys(_LIMITS, _expected_limit),
}
