"""The frozen model: what the user wrote, checked, with every default filled in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from dtsrun.api import (
    AccessType,
    DatabaseSelection,
    Endpoint,
    MigrationType,
    ObjectKind,
    Pattern,
    Resources,
    SecretReference,
    Selection,
    Side,
    Spec,
    Stage,
    TaskSettings,
    Throttle,
    Throttling,
)
from dtsrun.api.plugins import Particular
from dtsrun.errors import SpecError
from dtsrun.spec.defaults import with_defaults
from dtsrun.spec.document import MAX_BYTES, Document, read_document
from dtsrun.spec.formats import AUTO, NO_ROWS, with_numbers
from dtsrun.spec.policy import DEFAULT, Mention, Policy, PolicyReader
from dtsrun.spec.quantities import parse_duration, parse_rate, parse_size, parse_time
from dtsrun.spec.schema import KnownPlugins, Schema, compose_schema
from dtsrun.spec.secrets import PLAIN
from dtsrun.spec.validate import violations_of
from dtsrun.spec.violations import InvalidSpec, Violation

SIDES: Final[tuple[Side, ...]] = ("source", "target")
HIDDEN: Final = "***"
"""Stands in `Spec.document` for a password that the spec holds in plain text."""


def load_spec(path: Path, registry: KnownPlugins) -> Spec:
    """Read a spec from a file.

    Raises:
        SpecError: it cannot be read, or has violations; then it is an InvalidSpec that lists all of them.
        PluginError: the options of a plugin are no JSON Schema.
    """
    return parse_spec(_file_content(path), path=path, registry=registry)


def parse_spec(text: str | bytes, *, path: Path, registry: KnownPlugins) -> Spec:
    """Read a spec from its text; `path` is what messages call it, and where relative paths start.

    Raises:
        InvalidSpec: it has violations; lists all of them.
        PluginError: the options of a plugin are no JSON Schema.
    """
    document = read_document(text, str(path))
    schema = compose_schema(registry)
    violations = _form_violations(document, schema)
    reader = PolicyReader(registry, schema)
    policy: Policy = {}
    if _is_sound(document, violations, "migration"):
        violations += _contradictions(document, registry)
    if all(_is_sound(document, violations, side) for side in SIDES):
        violations += _objections(document, registry)
    if _is_sound(document, violations, "plugins"):
        violations += _missing_plugin_files(document, path.parent)
    if _is_sound(document, violations, "prechecks"):
        policy = reader.read(*_policy_of(document, path.parent))
    if violations or reader.violations:
        raise InvalidSpec(str(path), [*violations, *reader.violations])
    return replace(_spec(document, path, policy, registry), policy_places=reader.places)


def local_plugins(path: Path) -> tuple[Path, ...]:
    """Return the plugin files that a spec names, before anything else of it is understood.

    Raises:
        SpecError: the spec cannot be read as YAML.
    """
    document = read_document(_file_content(path), str(path))
    named = document.data.get("plugins") if isinstance(document.data, dict) else None
    return tuple(path.parent / name for name in named if isinstance(name, str)) if isinstance(named, list) else ()


def _file_content(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        hint = "`dtsrun init` writes a spec to begin with" if isinstance(error, FileNotFoundError) else None
        raise SpecError(f"the spec cannot be read: {reason.lower()}", where=str(path), hint=hint) from error


# -- What the schema cannot say --------------------------------------------------------------------------------------


def _form_violations(document: Document, schema: Schema) -> list[Violation]:
    """Return what is wrong with the text and its form; a value that could not be read is not judged twice."""
    unread = {(each.line, each.column) for each in document.violations}
    judged = [each for each in violations_of(document, schema) if (each.line, each.column) not in unread]
    return [*document.violations, *judged]


def _is_sound(document: Document, violations: Iterable[Violation], key: str) -> bool:
    """Tell whether a part of the document can be looked into."""
    is_needed = key in {"migration", *SIDES}
    is_there = isinstance(document.data, dict) and (not is_needed or key in document.data)
    return is_there and not any(f"{violation.path}/".startswith(f"/{key}/") for violation in violations)


def _contradictions(document: Document, registry: KnownPlugins) -> Iterator[Violation]:
    yield from _shared_targets(document)
    yield from _unknown_engine(document, registry)


def _unknown_engine(document: Document, registry: KnownPlugins) -> Iterator[Violation]:
    place = ("migration", "stages", "incremental", "engine")
    named = document.data["migration"].get("stages", {}).get("incremental", {}).get("engine")
    known = [engine.short_name for engine in registry.engines]
    if named is not None and named not in known:
        near = get_close_matches(named, known, n=1)
        hint = f"did you mean `{near[0]}`?" if near else ""
        yield document.violation(place, f"no engine of this name: expected {' or '.join(known)}", hint=hint)


def _objections(document: Document, registry: KnownPlugins) -> Iterator[Violation]:
    """Yield what the access types of both ends have to say against them."""
    ends = {side: _endpoint(side, document.data[side], registry) for side in SIDES}
    for side, other in (SIDES, SIDES[::-1]):
        access_type = _access_type(registry, ends[side])
        if access_type.needs_region and ends[side].region is None:
            yield document.violation((side,), f"`region` is missing, which {access_type.short_name} needs")
        if isinstance(access_type, Particular):
            for objection in access_type.objections(ends[side], ends[other]):
                place = (objection.side, *objection.path)
                yield document.violation(place, objection.message, hint=objection.hint)


def _access_type(registry: KnownPlugins, endpoint: Endpoint) -> AccessType:
    return next(each for each in registry.access_types if each.short_name == endpoint.access_type)


def _missing_plugin_files(document: Document, folder: Path) -> Iterator[Violation]:
    for index, name in enumerate(document.data.get("plugins", [])):
        if not (folder / name).is_file():
            yield document.violation(("plugins", index), f"{folder / name} is not a file")


def _shared_targets(document: Document) -> Iterator[Violation]:
    """Two databases that would become one."""
    taken: dict[str, str] = {}
    for name, chosen in _databases(document).items():
        target = chosen.get("target", name)
        if target in taken:
            place = ("migration", "objects", "databases", name)
            yield document.violation(place, f"`{name}` and `{taken[target]}` would both become `{target}`", key=True)
        taken.setdefault(target, name)


def _databases(document: Document) -> dict[str, dict[str, Any]]:
    objects = document.data["migration"]["objects"]
    named = objects.get("databases", {}) if isinstance(objects, dict) else {}
    return {name: chosen or {} for name, chosen in named.items()}


def _policy_of(document: Document, folder: Path) -> tuple[str | dict[str, Any], Mention]:
    policy = document.data.get("prechecks", {}).get("policy", DEFAULT)
    return policy, Mention(document=document, path=("prechecks", "policy"), folder=folder)


# -- The parts of the model ------------------------------------------------------------------------------------------


def _spec(document: Document, path: Path, policy: Policy, registry: KnownPlugins) -> Spec:
    data = document.data
    migration = data["migration"]
    return Spec(
        path=path.absolute(),
        task=_task(data["task"]),
        source=_endpoint("source", data["source"], registry),
        target=_endpoint("target", data["target"], registry),
        migration_type=MigrationType(migration["type"]),
        selection=_selection(document),
        on_conflict=migration.get("on_conflict", "fail"),
        kinds=_options(registry.object_kinds, migration.get("kinds", {})),
        stages=_options(registry.stages, migration.get("stages", {})),
        policy=policy,
        resources=_resources(data.get("resources", {}), registry.throttles),
        document=_without_passwords(data),
        digest=digest(data),
        warnings=tuple(_warnings(document)),
    )


def _task(task: Mapping[str, Any]) -> TaskSettings:
    return TaskSettings(
        name=task["name"],
        run=parse_time(task.get("run", "immediate")),
        tags=task.get("tags", {}),
        retry_for=parse_duration(task.get("retry", {}).get("for", "30m")),
    )


def _endpoint(side: Side, endpoint: Mapping[str, Any], registry: KnownPlugins) -> Endpoint:
    access = dict(endpoint["access"])
    access_type = access.pop("type")
    options = next(each.options for each in registry.access_types if each.short_name == access_type)
    return Endpoint(
        side=side,
        access_type=access_type,
        access=with_defaults(options, access),
        account=endpoint.get("account"),
        password=_reference(endpoint.get("password")),
        region=endpoint.get("region"),
        maintenance_database=endpoint.get("maintenance_database", "postgres"),
    )


def _reference(password: str | Mapping[str, Any] | None) -> SecretReference | None:
    if password is None:
        return None
    if isinstance(password, str):
        return SecretReference(kind=PLAIN, value=password)
    [(kind, value)] = password.items()
    return SecretReference(kind=kind, value=value)


def _selection(document: Document) -> Selection:
    objects = document.data["migration"]["objects"]
    if isinstance(objects, str):
        return Selection(entire_instance=True)
    databases = {name: _database(document, name, chosen) for name, chosen in _databases(document).items()}
    return Selection(entire_instance=False, databases=databases, roles=tuple(objects.get("roles", ())))


def _database(document: Document, name: str, chosen: Mapping[str, Any]) -> DatabaseSelection:
    return DatabaseSelection(
        name=name,
        target=chosen.get("target", name),
        include=tuple(_patterns(document, name, "include", chosen)),
        exclude=tuple(_patterns(document, name, "exclude", chosen)),
        rows={table: None if rule == NO_ROWS else rule for table, rule in chosen.get("rows", {}).items()},
    )


def _patterns(document: Document, database: str, key: str, chosen: Mapping[str, Any]) -> Iterator[Pattern]:
    for index, pattern in enumerate(chosen.get(key, [])):
        [(selector, text)] = pattern.items()
        place = document.place(("migration", "objects", "databases", database, key, index))
        yield Pattern(selector=selector, text=text, place=f"{document.name}:{place.line}:{place.column}")


def _options(plugins: Iterable[ObjectKind | Stage], said: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the options of every plugin, so that a default is found where it is looked for."""
    return {each.short_name: with_defaults(each.options, said.get(each.short_name, {})) for each in plugins}


def _resources(resources: Mapping[str, Any], throttles: Sequence[Throttle]) -> Resources:
    def decided(key: str, parse: Callable[[Any], int]) -> int | None:
        value = resources.get(key, AUTO)
        return None if value == AUTO else parse(value)

    return Resources(
        copy=decided("copy", int),
        index=decided("index", int),
        index_memory=decided("index_memory", parse_size),
        format=resources.get("format", AUTO),
        split_tables_larger_than=decided("split_tables_larger_than", parse_size),
        rate_limit=decided("rate_limit", parse_rate),
        throttle=_throttling(resources["throttle"], throttles) if resources.get("throttle") else None,
    )


def _throttling(said: Mapping[str, Any], throttles: Sequence[Throttle]) -> Throttling | None:
    """Return what copies give way to; None where no signal is named."""
    signals = {
        each.short_name: with_numbers(each.options, with_defaults(each.options, said[each.short_name]))
        for each in throttles
        if each.short_name in said
    }
    usual = Throttling()
    return (
        Throttling(
            every=parse_duration(said["every"]) if "every" in said else usual.every,
            hold_at_most=parse_duration(said["hold_at_most"]) if "hold_at_most" in said else usual.hold_at_most,
            unread=said.get("unread", usual.unread),
            signals=signals,
        )
        if signals
        else None
    )


def _warnings(document: Document) -> Iterator[str]:
    for side in SIDES:
        if isinstance(document.data[side].get("password"), str):
            place = document.place((side, "password"))
            yield (
                f"spec.secrets_plaintext: the password of the {side} is written in plain text at "
                f"{document.name}:{place.line}:{place.column}; refer to it instead, e.g. {{env: NAME}}"
            )


def _without_passwords(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document as it may be kept: a password in plain text is not."""
    kept = dict(data)
    for side in SIDES:
        if isinstance(data[side].get("password"), str):
            kept[side] = {**data[side], "password": HIDDEN}
    return kept


def _way(endpoint: Mapping[str, Any]) -> dict[str, Any]:
    """Return the access without what only says where an address or a passphrase is had from."""
    access = {key: value for key, value in endpoint["access"].items() if key != "inventory"}
    tls = access.get("tls")
    if isinstance(tls, Mapping):
        access["tls"] = {key: value for key, value in tls.items() if key != "key_password"}
    return access


def digest(data: Mapping[str, Any]) -> str:
    """Return the SHA-256 of what decides what is moved, and between which servers.

    Left out is what may change in a task that goes on: when it runs, retries, tags, resources, prechecks and how
    passwords and the addresses of instances are had. The order of keys, comments and aliases do not count.
    """
    endpoints: dict[str, Any] = {
        side: {**{key: value for key, value in data[side].items() if key != "password"}, "access": _way(data[side])}
        for side in SIDES
    }
    counted: dict[str, Any] = {
        "dtsrun": data["dtsrun"],
        "task": data["task"]["name"],
        "plugins": data.get("plugins", []),
        "migration": {"on_conflict": "fail", **data["migration"]},
        **endpoints,
    }
    canonical = json.dumps(counted, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8")).hexdigest()
