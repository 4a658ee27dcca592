"""The object kind `extensions`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from psycopg import sql

from dtsrun.api import Connection, Extension, ObjectKind, StepContext, StepResult
from dtsrun.structure import restore

BINARY: Final[Mapping[str, tuple[tuple[int, ...], frozenset[str]]]] = {
    "citext": ((1, 0), frozenset({"citext"})),
    "cube": ((1, 5), frozenset({"cube"})),
    "hstore": ((1, 0), frozenset({"hstore"})),
    "ltree": ((1, 2), frozenset({"ltree", "lquery", "ltxtquery"})),
    "postgis": ((2, 0), frozenset({"geometry", "geography"})),
    "vector": ((0, 1), frozenset({"vector", "halfvec", "sparsevec"})),
}
"""Types with functions that send and receive, and the version from which on the extension has them. Their bytes were
the same ever since: those of PostGIS are EWKB, those of vector numbers."""


class Extensions(ObjectKind):
    """Extensions, in the version of the source where the target has it

    What it does
    ------------
    Creates each extension in its schema, in the same version where the target offers it; else in the target's default
    version, which the report says. An extension that the target has already is used as it is.

    Why it matters
    --------------
    What an extension holds is created by its own script, never from the dump: types, functions and operators of the
    database stand on it. Another version can mean other functions.

    Spec
    ----
    Chosen with `{extension: "<name>"}` in `include` and `exclude`.

    Needs
    -----
    The extension's files on the target; CREATE on the database for a trusted extension, a superuser (or a managed
    server's own rule) for the others.

    Example
    -------
    ::

        migration:
          objects:
            databases:
              shop:
                include: [{extension: hstore}]

    Limits
    ------
    PostgreSQL has no way to change an extension's owner, nor does pg_dump carry members that somebody changed. Rows
    of its configuration tables are carried with the tables.
    """

    name = "object.extensions"
    entry_types = ("EXTENSION",)
    selector = "extension"

    def binary_types(self, extension: Extension) -> frozenset[str]:
        """Return the types whose rows may be copied in binary."""
        since, types = BINARY.get(extension.name, ((), frozenset[str]()))
        return types if _numbers(extension.version) >= since else frozenset()

    def do_restore(self, context: StepContext) -> StepResult:
        """Create extensions, in the source's versions where they are to be had."""
        versions = _Versions.read(context.source(), context.target())
        return restore(context, [versions.pinned(entry) for entry in context.step.args["entries"]])


@dataclass(frozen=True, slots=True)
class _Versions:
    wanted: Mapping[str, str]
    installed: Mapping[str, str]
    available: frozenset[tuple[str, str]]

    @classmethod
    def read(cls, source: Connection, target: Connection) -> _Versions:
        installed = "select extname, extversion from pg_extension"
        available = target.execute("select name, version from pg_available_extension_versions").fetchall()
        return cls(
            {row.extname: row.extversion for row in source.execute(installed)},
            {row.extname: row.extversion for row in target.execute(installed)},
            frozenset((row.name, row.version) for row in available),
        )

    def pinned(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        """Return the entry with the source's version in its statement, or with what is done instead."""
        name = entry["label"].removeprefix("EXTENSION ")
        wanted, installed = self.wanted.get(name, ""), self.installed.get(name)
        if installed is not None:
            said = [] if installed == wanted else [f"the target has version {installed}, the source {wanted}"]
            return {**entry, "deviations": [*entry["deviations"], *said]}
        if (name, wanted) in self.available:
            return {**entry, "sql": [_with_version(entry["sql"][0], wanted), *entry["sql"][1:]]}
        said = [f"created in the target's default version: version {wanted} is not available there"]
        return {**entry, "deviations": [*entry["deviations"], *said]}


def _numbers(version: str) -> tuple[int, ...]:
    """Return the leading numbers of a version: (3, 4) of `3.4.2dev`."""
    return tuple(map(int, re.findall(r"\d+", version)[:2]))


def _with_version(statement: str, version: str) -> str:
    return f"{statement.strip().rstrip(';')} version {sql.Literal(version).as_string()}"
