"""`dtsrun init`: write a spec to begin with; its keys come from what the chosen access types declare."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from dtsrun.api import AccessType, MigrationType, Side
from dtsrun.errors import SpecError
from dtsrun.registry import load_registry
from dtsrun.spec.defaults import with_defaults
from dtsrun.spec.validate import did_you_mean

PLACEHOLDER: Final = "CHANGE_ME"

_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./-]*")
_WORDS_OF_YAML: Final = ("true", "false", "null")
_TASK_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")

_HEAD: Final = """\
# A spec of dtsrun. Look through every line, then: dtsrun check {path}
# Editors complete and check it with the schema that `dtsrun schema` prints.
dtsrun: 1
task:
  name: {task}  # unique among unfinished tasks; the same name continues an unfinished task
  # run: 2030-01-31T02:00:00+08:00  # a time with its zone; left out, at once
  # retry: {{for: 30m}}  # how long faults that pass by themselves are retried
"""

_TAIL: Final = """\
migration:
  type: {type}  # structural: definitions alone; full: rows too; full_incremental: and what is written since
  objects: entire_instance
  # or chosen ones:
  # objects:
  #   databases:
  #     shop:
  #       include: [{{schema: sales}}, {{table: "public.order_*"}}]
  #       exclude: [{{table: sales.audit_log}}]
  #       rows: {{public.events: "created_at >= date '2026-01-01'", public.cache: none}}
  #   roles: [app, "report_*"]
  on_conflict: fail  # objects of the same name on the target: fail, skip or drop
prechecks:
  policy: builtin:default  # or builtin:strict, builtin:lenient, a file, a policy in place
# resources: {{copy: auto, index: auto, rate_limit: 200MB/s}}
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser("init", help="write a spec to begin with")
    parser.add_argument("path", nargs="?", type=Path, default=Path("migration.yaml"), metavar="PATH")
    parser.add_argument("--type", choices=[str(each) for each in MigrationType], default=str(MigrationType.FULL))
    parser.add_argument("--source", default="public_network", metavar="ACCESS", help="access type of the source")
    parser.add_argument("--target", default="public_network", metavar="ACCESS", help="access type of the target")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    known = load_registry().access_types
    source, target = (access_type_named(name, known) for name in (arguments.source, arguments.target))
    text = starter(arguments.path, arguments.type, source, target)
    try:
        with arguments.path.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        hint = "choose another path; nothing is overwritten" if isinstance(error, FileExistsError) else None
        reason = (error.strerror or "not a path").lower()
        raise SpecError(f"the spec cannot be written: {reason}", where=str(arguments.path), hint=hint) from error
    print(f"{arguments.path} is written; look through it, then: dtsrun check {arguments.path}")
    return 0


def access_type_named(name: str, known: Sequence[AccessType]) -> AccessType:
    """Return an access type by its short name.

    Raises:
        SpecError: there is none of this name; says which there are.
    """
    names = [each.short_name for each in known]
    if name not in names:
        raise SpecError(f"there is no access type {name}{did_you_mean(name, names)}", hint=f"known: {', '.join(names)}")
    return known[names.index(name)]


def starter(path: Path, migration_type: str, source: AccessType, target: AccessType) -> str:
    """Return the text of a spec; it is valid as it stands."""
    task = path.stem if _TASK_NAME.fullmatch(path.stem) else "my-migration"
    region = source.needs_region or target.needs_region
    ends = [*_endpoint("source", source, region), *_endpoint("target", target, region)]
    return _HEAD.format(path=path, task=task) + "\n".join(ends) + "\n" + _TAIL.format(type=migration_type)


def _endpoint(side: Side, access_type: AccessType, region: bool) -> Iterator[str]:
    yield from (f"{side}:", "  type: postgresql", "  access:", f"    type: {access_type.short_name}")
    yield from (f"    {line}" for line in _options(access_type.options))
    if region:
        yield f"  region: {PLACEHOLDER}  # rules of the access types look at it"
    # Where there is no server to name, the way in (a service, a server of our own) knows its account.
    mark = "" if {"host", "instance"} & set(access_type.options.get("properties", {})) else "# "
    yield f"  {mark}account: {PLACEHOLDER}"
    yield f"  {mark}password: {{env: {side.upper()}_PASSWORD}}  # or {{file: ...}}, {{command: [...]}}"


def _options(schema: Mapping[str, Any]) -> Iterator[str]:
    """Return a line for each option; what may be left out is a comment."""
    required = _required(schema)
    for key, option in schema.get("properties", {}).items():
        about = f"  # {option['description'].rstrip('.')}" if option.get("description") else ""
        yield f"{'' if key in required else '# '}{key}: {_written(_example(option))}{about}"


def _required(schema: Mapping[str, Any]) -> Iterable[str]:
    """Return the keys that must be there, those of the first of several forms included."""
    forms = [*schema.get("oneOf", []), *schema.get("anyOf", [])]
    return {*schema.get("required", []), *(forms[0].get("required", []) if forms else [])}


def _example(schema: Mapping[str, Any]) -> Any:
    """Return a value that the schema allows."""
    for key in ("examples", "enum"):
        if schema.get(key):
            return schema[key][0]
    for key in ("default", "const"):
        if key in schema:
            return with_defaults(schema, schema[key])
    return _example_of_type(schema)


def _example_of_type(schema: Mapping[str, Any]) -> Any:
    types = schema.get("type", "string")
    first = types if isinstance(types, str) else types[0]
    if first in ("integer", "number"):
        return schema.get("minimum", 1)
    if first == "object":
        return {key: _example(schema["properties"][key]) for key in _required(schema)}
    return {"boolean": False, "array": [], "null": None}.get(first, PLACEHOLDER)


def _written(value: Any) -> str:
    """Return a value as YAML on one line; JSON is YAML."""
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS_OF_YAML:
        return value
    if isinstance(value, dict) and value:
        return "{" + ", ".join(f"{_written(key)}: {_written(item)}" for key, item in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)
