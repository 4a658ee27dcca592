"""YAML read with the place of every key and value, and with the surprises taken out.

What PyYAML's own loaders give is not enough: they forget where a value stood, take the last of two equal keys in
silence, follow YAML 1.1 (`no` is false, `22:30` is 1350, `0123` is 83) and build Python objects from tags. Here the
parser's events are read, and

- plain scalars are resolved as in JSON: null, true, false, whole and decimal numbers; all else is text, dates too;
- a key is text and stands once; tags are refused; aliases and merge keys (`<<`) work;
- size, depth and the number of values after all aliases are expanded are bounded.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, NoReturn

import yaml
from yaml.reader import Reader

from dtsrun.spec.violations import InvalidSpec, Violation, pointer

MAX_BYTES: Final = 1 << 20
MAX_DEPTH: Final = 40
MAX_VALUES: Final = 100_000
"""Values in the document with every alias written out: what a bomb of aliases is stopped by."""

_PARSER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's parser where PyYAML was built with it: ten times as fast, the same events."""

_CONSTANTS: Final = {"null": None, "~": None, "": None, "true": True, "false": False}
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_LINE_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")

Path = tuple[str | int, ...]
Scalar = str | int | float | bool | None


class Place(NamedTuple):
    """Line and column, both counted from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A value and where it stands."""

    place: Place
    value: Scalar | list[Node] | dict[str, Node]
    keys: dict[str, Place] = field(default_factory=dict)
    """Where each key of a mapping stands."""
    size: int = 1
    """Values in it, itself included, aliases written out."""

    def plain(self) -> Any:
        """Return the value without places, as plain data of its own."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


class Document:
    """A YAML file as plain data that remembers the place of everything."""

    def __init__(self, name: str, root: Node, violations: Sequence[Violation] = ()) -> None:
        self.name = name
        """The file's name as the user gave it."""
        self.data: Any = root.plain()
        self.violations = tuple(violations)
        """What was wrong beside the syntax: double keys, tags, keys that are not text."""
        self._root = root

    def place(self, path: Sequence[str | int], *, key: bool = False) -> Place:
        """Return the place of a value, or of the key that it stands under. A path that leads nowhere is as good as
        the part of it that exists."""
        node, place = self._root, self._root.place
        for part in path:
            child = _child(node, part)
            if child is None:
                return place
            place = node.keys.get(str(part), child.place) if key else child.place
            node = child
        return place

    def violation(self, path: Sequence[str | int], message: str, *, key: bool = False, hint: str = "") -> Violation:
        """Return a violation at the place of a value or its key."""
        return Violation(self.name, *self.place(path, key=key), pointer(path), message, hint)


def read_document(text: str | bytes, name: str) -> Document:
    """Read a YAML document.

    Raises:
        InvalidSpec: it is no YAML, or does not keep the bounds. Lesser faults are in `Document.violations`.
    """
    source = _checked_text(text, name)
    composer = _Composer(name)
    try:
        root = composer.compose(yaml.parse(source, Loader=_PARSER))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)
        _stop(name, place, _wording(error.problem or "not YAML", _character_at(source, place)))
    except yaml.YAMLError:
        _stop(name, Place(1, 1), "holds a character that YAML does not allow")
    return Document(name, root, composer.violations)


def _checked_text(text: str | bytes, name: str) -> str:
    """Return the text without byte order mark, if it is of a reasonable size and has no forbidden character."""
    if len(text) > MAX_BYTES:
        _stop(name, Place(1, 1), f"larger than {MAX_BYTES // 1024} kB", hint="name fewer objects, by patterns")
    decoded = _decoded(text, name) if isinstance(text, bytes) else text
    decoded = decoded.removeprefix("\ufeff")
    if odd := Reader.NON_PRINTABLE.search(decoded):
        message = f"the character U+{ord(odd.group()):04X} is not allowed in YAML"
        _stop(name, _place_at(decoded, odd.start()), message)
    return decoded


def _decoded(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        place = _place_at(data[: error.start].decode("utf-8"), error.start)
        _stop(name, place, f"byte 0x{data[error.start]:02x} is not UTF-8", hint="save the file as UTF-8")


def _place_at(text: str, position: int) -> Place:
    lines = _LINE_BREAK.split(text[:position])
    return Place(len(lines), len(lines[-1]) + 1)


def _character_at(text: str, place: Place) -> str:
    lines = _LINE_BREAK.split(text)
    return lines[place.line - 1][place.column - 1 : place.column] if place.line <= len(lines) else ""


def _wording(problem: str, character: str) -> str:
    """Return a parser's complaint for people; what it quotes of the text could be part of a password."""
    if "cannot start any token" in problem:
        return (
            "a tab where YAML wants spaces"
            if character == "\t"
            else f"text that begins with `{character}` needs quotes"
        )
    if "alias" in problem or "anchor" in problem:
        return "a malformed alias or anchor; text that begins with `*` or `&` needs quotes"
    if "tag" in problem or "directive" in problem:
        return "a tag or directive that is not understood; text that begins with `!` or `%` needs quotes"
    if "nesting depth" in problem:
        return _too_deep()  # newer parsers have a bound of their own, far above ours, and reach it while looking ahead
    return problem


def _too_deep() -> str:
    return f"nested deeper than {MAX_DEPTH} levels"


def _stop(name: str, place: Place, message: str, hint: str = "") -> NoReturn:
    raise InvalidSpec(name, [Violation(name, *place, "", message, hint)]) from None


def _child(node: Node, part: str | int) -> Node | None:
    if isinstance(node.value, dict):
        return node.value.get(str(part))
    if isinstance(node.value, list) and isinstance(part, int) and part < len(node.value):
        return node.value[part]
    return None


class _Composer:
    """Makes nodes out of the parser's events."""

    def __init__(self, name: str) -> None:
        self.violations: list[Violation] = []
        self._name = name
        self._anchors: dict[str, Node | None] = {}
        self._size = 0

    def compose(self, events: Iterator[Any]) -> Node:
        """Return the one document's root."""
        self._events = events
        roots = [self._node(event, ()) for event in self._documents()]
        if not roots:
            _stop(self._name, Place(1, 1), "the document is empty", hint="`dtsrun init` writes a spec to begin with")
        return roots[0]

    def _documents(self) -> Iterator[Any]:
        seen = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                seen += 1
                if seen > 1:
                    _stop(self._name, _place(event), "a second document; one file holds one")
                yield next(self._events)

    def _node(self, event: Any, path: Path) -> Node:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, path)
        if len(path) > MAX_DEPTH:
            _stop(self._name, _place(event), _too_deep())
        if event.tag is not None:
            self._complain(event, path, "a tag; text that begins with `!` needs quotes")
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        node = self._value(event, path)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _value(self, event: Any, path: Path) -> Node:
        self._count(event, 1)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(event, path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(event, path)
        return Node(_place(event), self._scalar(event, path))

    def _alias(self, event: Any, path: Path) -> Node:
        node = self._anchors.get(event.anchor)
        if node is None:
            within = event.anchor in self._anchors
            message = "an alias inside of what it names" if within else "an alias of something that is not named before"
            self._complain(event, path, f"{message}; text that begins with `*` needs quotes")
            return Node(_place(event), None)
        self._count(event, node.size)
        return node

    def _sequence(self, event: Any, path: Path) -> Node:
        items: list[Node] = []
        for item in self._until(yaml.SequenceEndEvent):
            items.append(self._node(item, (*path, len(items))))
        return Node(_place(event), items, size=1 + sum(item.size for item in items))

    def _mapping(self, event: Any, path: Path) -> Node:
        items: dict[str, Node] = {}
        places: dict[str, Place] = {}
        merged: list[Node] = []
        for key_event in self._until(yaml.MappingEndEvent):
            key = self._key(key_event, path)
            value_event = next(self._events)
            node = self._node(value_event, (*path, key))
            if _is_merge(key_event):
                merged += self._sources_of_merge(value_event, node, path)
                continue
            if key in places:
                self._complain(
                    key_event, (*path, key), f"a second key of this name; the first is at line {places[key].line}"
                )
            items[key], places[key] = node, _place(key_event)
        for source in merged:
            _merge(source, items, places)
        return Node(_place(event), items, places, 1 + sum(item.size for item in items.values()))

    def _key(self, event: Any, path: Path) -> str:
        node = self._node(event, (*path, "?"))
        if isinstance(node.value, str):
            return node.value
        shown = f"; write it in quotes: {event.value!r}" if isinstance(event, yaml.ScalarEvent) else ""
        self._complain(event, path, f"a key must be text{shown}")
        return str(getattr(event, "value", ""))

    def _sources_of_merge(self, event: Any, node: Node, path: Path) -> list[Node]:
        sources = node.value if isinstance(node.value, list) else [node]
        if all(isinstance(source.value, dict) for source in sources):
            return sources
        self._complain(event, (*path, "<<"), "expected a mapping or a list of mappings to merge")
        return []

    def _scalar(self, event: Any, path: Path) -> Scalar:
        if "\0" in event.value or not _is_encodable(event.value):
            self._complain(
                event, path, "text with a character that is no part of any name or value (NUL or a surrogate)"
            )
            return None
        return _resolved(event.value) if _is_plain(event) else str(event.value)

    def _until(self, end: type) -> Iterator[Any]:
        for event in self._events:
            if isinstance(event, end):
                return
            yield event

    def _count(self, event: Any, size: int) -> None:
        self._size += size
        if self._size > MAX_VALUES:
            _stop(self._name, _place(event), f"more than {MAX_VALUES} values when aliases are written out")

    def _complain(self, event: Any, path: Path, message: str) -> None:
        self.violations.append(Violation(self._name, *_place(event), pointer(path), message))


def _place(event: Any) -> Place:
    return Place(event.start_mark.line + 1, event.start_mark.column + 1)


def _is_plain(event: Any) -> bool:
    return event.tag is None and bool(event.implicit[0])


def _is_merge(event: Any) -> bool:
    return isinstance(event, yaml.ScalarEvent) and event.value == "<<" and _is_plain(event)


def _merge(source: Node, items: dict[str, Node], places: dict[str, Place]) -> None:
    """Add what a mapping lacks; what it says itself, or an earlier merge said, stays."""
    assert isinstance(source.value, dict)
    for key, node in source.value.items():
        if key not in items:
            items[key], places[key] = node, source.keys[key]


def _resolved(text: str) -> Scalar:
    """Return what a plain scalar means. Numbers with leading zeros, other bases or too large for JSON stay text."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _WHOLE.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    return text


def _is_encodable(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)
