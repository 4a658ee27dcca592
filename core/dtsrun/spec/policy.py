"""The policy of prechecks: read, validated with places in its own file, merged with what it extends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final

from dtsrun.api import Check
from dtsrun.spec.defaults import with_defaults
from dtsrun.spec.document import MAX_BYTES, Document, read_document
from dtsrun.spec.schema import KnownPlugins, Schema, policy_part
from dtsrun.spec.validate import did_you_mean, violations_of
from dtsrun.spec.violations import InvalidSpec, Violation, pointer

Policy = dict[str, Any]

DEFAULT: Final = "builtin:default"
"""Lies below every policy."""

MAX_POLICIES: Final = 50
"""Policies read for one spec: what stops files that extend each other in ever more ways."""

PLACES: Final = "places"
"""Key of a policy, while it is merged, under which stands who said what; no policy file can have it."""

_BUILTIN: Final = "builtin:"
_BUILTIN_NAMES: Final = ("default", "strict", "lenient")


@dataclass(frozen=True, kw_only=True, slots=True)
class Mention:
    """Where a policy stands or is named."""

    document: Document
    path: tuple[str | int, ...]
    folder: Path
    """Where relative paths start."""
    chain: tuple[str, ...] = ()
    """The policies that led here, outermost first."""

    def below(self, *parts: str | int) -> Mention:
        """Return the mention at a place below this one."""
        return Mention(document=self.document, path=(*self.path, *parts), folder=self.folder, chain=self.chain)


class PolicyReader:
    """Reads policies and what they extend; collects all that is wrong with them."""

    def __init__(self, registry: KnownPlugins, schema: Schema) -> None:
        self.violations: list[Violation] = []
        self.places: dict[str, str] = {}
        """Of the policy that was read: `file:line` by JSON pointer into it."""
        self._registry = registry
        self._schema = policy_part(schema)
        self._read_so_far = 0

    def read(self, policy: str | Mapping[str, Any], mention: Mention) -> Policy:
        """Return a policy, named or in place, merged with all that it extends and with the defaults of every check.

        One that stands in place has been validated with the spec.
        """
        said = self._named(policy, mention) if isinstance(policy, str) else self._merged(policy, mention)
        merged = _over(said, self._named(DEFAULT, mention))
        self.places = _places(merged)
        return self._completed(merged)

    def _named(self, name: str, mention: Mention) -> Policy:
        self._read_so_far += 1
        if self._read_so_far > MAX_POLICIES:
            return self._refused(mention, f"more than {MAX_POLICIES} policies extend each other")
        try:
            shown, identity, data = _found(name, mention.folder)
        except (OSError, ValueError) as error:
            return self._refused(mention, f"the policy `{name}` cannot be read: {_reason(error)}")
        if identity in mention.chain:
            return self._refused(mention, f"a policy extends itself: {' -> '.join((*mention.chain, identity))}")
        return self._validated(data, shown, Path(identity).parent, (*mention.chain, identity))

    def _validated(self, data: bytes, shown: str, folder: Path, chain: tuple[str, ...]) -> Policy:
        try:
            document = read_document(data, shown)
        except InvalidSpec as error:
            self.violations += error.violations
            return {}
        violations = [*document.violations, *violations_of(document, self._schema)]
        self.violations += violations
        if violations:
            return {}
        return self._merged(document.data, Mention(document=document, path=(), folder=folder, chain=chain))

    def _merged(self, policy: Mapping[str, Any], mention: Mention) -> Policy:
        self.violations += _doubled_checks(policy.get("sql_checks", []), mention.below("sql_checks"))
        merged: Policy = {}
        for index, name in enumerate(policy.get("extends", [])):
            merged = _over(self._named(name, mention.below("extends", index)), merged)
        return _over({**policy, PLACES: _own_places(policy, mention)}, merged)

    def _completed(self, policy: Policy) -> Policy:
        said = policy.get("checks", {})
        checks = {}
        known: list[Check[Any]] = [*self._registry.prechecks, *self._registry.gates]
        for check in known:
            own = said.get(check.name, {})
            checks[check.name] = {**own, "options": with_defaults(check.options, own.get("options", {}))}
        kept = {key: value for key, value in policy.items() if key != PLACES}
        return {**kept, "checks": checks}

    def _refused(self, mention: Mention, message: str) -> Policy:
        self.violations.append(mention.document.violation(mention.path, message))
        return {}


def _found(name: str, folder: Path) -> tuple[str, str, bytes]:
    """Return a policy's name for messages, its identity and its text."""
    if name.startswith(_BUILTIN):
        short = name.removeprefix(_BUILTIN)
        if short not in _BUILTIN_NAMES:
            raise ValueError(f"built in are {', '.join(_BUILTIN_NAMES)}{did_you_mean(short, _BUILTIN_NAMES)}")
        return name, name, resources.files(__package__).joinpath("policies", f"{short}.yaml").read_bytes()
    file = folder / name
    if not file.is_file():
        raise ValueError(f"{file} is not a file")
    with file.open("rb") as stream:
        return str(file), str(file.resolve()), stream.read(MAX_BYTES + 1)


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _doubled_checks(checks: Sequence[Mapping[str, Any]], mention: Mention) -> list[Violation]:
    counts = Counter(check["id"] for check in checks)
    return [
        mention.document.violation((*mention.path, index, "id"), f"another SQL check is called `{check['id']}` too")
        for index, check in enumerate(checks)
        if counts[check["id"]] > 1
    ]


def _over(policy: Mapping[str, Any], below: Mapping[str, Any]) -> Policy:
    """Return one policy laid over another: the upper word counts, waivers add up, SQL checks are replaced by id."""
    checks = {name: dict(check) for name, check in below.get("checks", {}).items()}
    for name, check in policy.get("checks", {}).items():
        options = {**checks.get(name, {}).get("options", {}), **check.get("options", {})}
        checks[name] = {**checks.get(name, {}), **check, "options": options}
    queries = {check["id"]: check for check in (*below.get("sql_checks", []), *policy.get("sql_checks", []))}
    plain = {key: value for key, value in {**below, **policy}.items() if key in ("undetermined", "alarms")}
    return {
        "checks": checks,
        **plain,
        "waivers": [*below.get("waivers", []), *policy.get("waivers", [])],
        "sql_checks": [{"severity": "fail", **check} for check in queries.values()],
        PLACES: _places_over(policy.get(PLACES, {}), below.get(PLACES, {})),
    }


# -- Who said it -----------------------------------------------------------------------------------------------------


def _own_places(policy: Mapping[str, Any], mention: Mention) -> dict[tuple[str | int, ...], str]:
    """Return where each word of one policy stands, without what it extends; SQL checks by their id."""
    paths: dict[tuple[str | int, ...], tuple[str | int, ...]] = {}
    for name, check in policy.get("checks", {}).items():
        paths |= {path: path for path in _check_paths(name, check)}
    paths |= {("sql_checks", check["id"]): ("sql_checks", n) for n, check in enumerate(policy.get("sql_checks", []))}
    paths |= {("waivers", n): ("waivers", n) for n, _ in enumerate(policy.get("waivers", []))}
    paths |= {(key,): (key,) for key in ("undetermined", "alarms") if key in policy}
    return {known: _line(mention.below(*path)) for known, path in paths.items()}


def _check_paths(name: str, check: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    if "severity" in check:
        yield ("checks", name, "severity")
    yield from (("checks", name, "options", option) for option in check.get("options", {}))


def _line(mention: Mention) -> str:
    place = mention.document.place(mention.path, key=True)
    return f"{mention.document.name}:{place.line}"


def _places_over(
    places: Mapping[tuple[str | int, ...], str], below: Mapping[tuple[str | int, ...], str]
) -> dict[tuple[str | int, ...], str]:
    """Return the places of two policies laid over each other; waivers add up, so those above are counted on."""
    first = sum(path[0] == "waivers" for path in below)
    moved = {("waivers", first + int(path[1])) if path[0] == "waivers" else path: at for path, at in places.items()}
    return {**below, **moved}


def _places(policy: Mapping[str, Any]) -> dict[str, str]:
    """Return the places by JSON pointer into the merged policy, where SQL checks are counted."""
    numbers = {check["id"]: number for number, check in enumerate(policy.get("sql_checks", []))}
    counted = {
        ("sql_checks", numbers[path[1]]) if path[0] == "sql_checks" else path: at
        for path, at in policy.get(PLACES, {}).items()
    }
    return {pointer(path): at for path, at in counted.items()}
