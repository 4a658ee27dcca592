"""From the dump's entries to statements on the target, and the running of them.

pg_dump's SQL for an entry is not all that makes the object: owner, tablespace and access method stand beside it in the
table of contents, and whoever runs the SQL has to add them. `restoring_sql` does, by pg_restore's rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol, runtime_checkable

import psycopg
from psycopg import sql

from dtsrun.api import (
    Connection,
    Database,
    Deviation,
    Entry,
    Failure,
    MigrationType,
    ObjectKind,
    PlanContext,
    StepContext,
    StepResult,
)
from dtsrun.late_keys import (
    ABSENT,
    START_OVER,
    add_unvalidated,
    is_about_foreign_key,
    is_foreign_key,
    is_of_two_moments,
    may_come_late,
)
from dtsrun.older_target import for_target
from dtsrun.postgres.sqlstate import Reaction, describe, reaction

PROPERTY_TYPES: Final = frozenset(
    {
        *("ACL", "COMMENT", "SECURITY LABEL", "DEFAULT", "TABLE ATTACH", "INDEX ATTACH", "INDEX", "CONSTRAINT"),
        *("CHECK CONSTRAINT", "FK CONSTRAINT", "TRIGGER", "RULE", "POLICY", "ROW SECURITY", "SEQUENCE OWNED BY"),
        *("SEQUENCE SET", "TABLE DATA", "MATERIALIZED VIEW DATA", "STATISTICS", "STATISTICS DATA"),
        *("PUBLICATION TABLE", "PUBLICATION TABLES IN SCHEMA", "SUBSCRIPTION TABLE", "USER MAPPING"),
    }
)
"""What belongs to the object that it depends on, and stays away with it."""

CONTAINERS: Final = frozenset({"SCHEMA", "EXTENSION", "PROCEDURAL LANGUAGE", "DATABASE"})
"""What is used as it is where the target has it already: dropping it would take along what was not asked for."""

_NAMED: Final = frozenset(
    {
        *("COLLATION", "CONVERSION", "DOMAIN", "FOREIGN TABLE", "MATERIALIZED VIEW", "SEQUENCE", "STATISTICS"),
        *("TABLE", "TEXT SEARCH DICTIONARY", "TEXT SEARCH CONFIGURATION", "TYPE", "VIEW"),
        *("PROCEDURAL LANGUAGE", "SCHEMA", "EVENT TRIGGER", "FOREIGN DATA WRAPPER", "SERVER"),
        *("PUBLICATION", "SUBSCRIPTION"),
    }
)
"""Types whose owner is set by schema and name. DATABASE is not among them: its name may be another on the target."""

_WITH_SIGNATURE: Final = frozenset(
    {"AGGREGATE", "FUNCTION", "OPERATOR", "OPERATOR CLASS", "OPERATOR FAMILY", "PROCEDURE"}
)
"""Types that a name does not tell apart; the DROP statement has the whole signature."""

_INSUFFICIENT_PRIVILEGE: Final = "42501"

MESSAGE_STATEMENTS: Final = 50
"""Statements that go to the server in one message: a definition takes it less time than the way there and back."""

_AFTER_EACH_OTHER: Final = "\n;\n"
"""Between two statements of one message: the first may end without a semicolon, or with a comment."""


@runtime_checkable
class Deviates(Protocol):
    """An ability of object kinds: to make an object otherwise than on the source, and to say so."""

    def deviations(self, entry: Entry, context: PlanContext) -> Sequence[str]:
        """Return what will not be as on the source, one sentence each, without a final stop."""


def restoring_sql(
    entry: Entry, statements: Sequence[str], *, tablespaces: Mapping[str, str] | None = None
) -> list[str]:
    """Put owner, tablespace and access method around a kind's statements for an entry.

    Args:
        tablespaces: names on the target by names on the source; what is not in it goes to the default tablespace.
    """
    if not statements:
        return []
    made = [statement for statement in statements if not _is_comment(statement)]
    before, after = _surroundings(entry, (tablespaces or {}).get(entry.tablespace or ""))
    return [*before, *made, *_owner(entry), *_late_access_method(entry), *after] if made else _owner(entry)


def planned(
    entries: Iterable[Entry], database: Database, context: PlanContext, kept: frozenset[int] = frozenset()
) -> list[dict[str, Any]]:
    """Return entries as the argument of a step that runs `restore`; those without statements are left out.

    Args:
        kept: ids of entries that the target has already; only their owner is set.
    """
    return list(planning(entries, database, context, kept))


def planning(
    entries: Iterable[Entry], database: Database, context: PlanContext, kept: frozenset[int] = frozenset()
) -> Iterator[dict[str, Any]]:
    """Yield what `planned` returns, one entry after the other."""
    tablespaces = mapped_tablespaces(context)
    for entry in entries:
        kind = context.kind(entry.kind)
        statements = ["--"] if entry.id in kept else kind.statements(entry, database, context)
        statements, lost = for_target(entry, statements, context.target.major)
        if sqls := restoring_sql(entry, statements, tablespaces=tablespaces):
            item = _item(entry, sqls, [*_deviations(entry, kind, context, tablespaces), *lost])
            yield {**item, "of_foreign_key": True} if is_about_foreign_key(entry, database) else item


def acting_kinds(context: PlanContext) -> list[ObjectKind]:
    """Return the kinds whose own steps belong to this type of migration: a structural one moves no data."""
    is_structural = context.spec.migration_type is MigrationType.STRUCTURAL
    return [kind for kind in context.kinds if not (is_structural and kind.has_data)]


def mapped_tablespaces(context: PlanContext) -> Mapping[str, str]:
    """Return the target's names of tablespaces by the source's; what is not in it goes to the default tablespace."""
    options = context.options("object.tablespaces")
    chosen: Mapping[str, str] = options["map"] if options["policy"] == "map" else {}
    return chosen


def _item(entry: Entry, sqls: list[str], deviations: list[str]) -> dict[str, Any]:
    return {
        "id": entry.id,
        "label": entry.label,
        "after": list(entry.depends_on),
        "sql": sqls,
        "deviations": deviations,
        # Managed servers keep their extensions to themselves; a comment on one is not worth a failed migration.
        "optional": entry.type == "COMMENT" and entry.name.startswith("EXTENSION "),
    }


def _deviations(entry: Entry, kind: object, context: PlanContext, tablespaces: Mapping[str, str]) -> list[str]:
    found = list(kind.deviations(entry, context)) if isinstance(kind, Deviates) else []
    if entry.tablespace and entry.tablespace not in tablespaces:
        found.append(f"lies in the default tablespace, not in {entry.tablespace}")
    return found


def restore(context: StepContext, entries: Sequence[Mapping[str, Any]] | None = None) -> StepResult:
    """Create the given entries (by default the step's `entries`), all at once; if that fails, one by one.

    An entry that waits for one that failed is named as such and not tried. A run after failures tries only the rest.

    Raises:
        psycopg.Error: not an object's own fault: the connection broke, the server stops, a deadlock.
    """
    done = list(context.earlier.get("done", ()))
    given = context.step.args["entries"] if entries is None else entries
    todo = [entry for entry in given if entry["id"] not in done]
    target = context.target()
    if not context.earlier:
        try:
            return _all_at_once(context, target, todo)
        except psycopg.Error as error:
            _raise_unless_own_fault(error)
    return _one_by_one(context, target, todo, done)


def run(connection: Connection, statements: Iterable[str]) -> None:
    """Run statements as simple queries: what pg_dump wrote for one entry may hold several statements."""
    for statement in statements:
        connection.execute(statement.encode())


def left_out(database: Database, existing: frozenset[str]) -> frozenset[int]:
    """Return ids of the entries that stay away under `on_conflict: skip`: what the target has, and its belongings."""
    gone: set[int] = set()
    for entry in database.entries.values():
        is_there = entry.label in existing and entry.type not in CONTAINERS
        if is_there or (entry.type in PROPERTY_TYPES and owned_by(entry, database) & gone):
            gone.add(entry.id)
    return frozenset(gone)


def owned_by(entry: Entry, database: Database) -> set[int]:
    """Return ids of the entries that an entry is a property of."""
    needed = [database.entries[i] for i in entry.depends_on if i in database.entries]
    # A tag such as `orders to_customer` names its table first.
    namesakes = {e.id for e in needed if e.schema == entry.schema and entry.name.startswith(f"{e.name} ")}
    # An index or a trigger uses types and functions, but belongs to its table.
    proper = {e.id for e in needed if e.type not in CONTAINERS and e.type not in ("FUNCTION", "TYPE", "DOMAIN")}
    return namesakes or proper or {e.id for e in needed}


def _all_at_once(context: StepContext, target: Connection, todo: Sequence[Mapping[str, Any]]) -> StepResult:
    with target.transaction():
        for statements in _portions(todo):
            context.progress()
            run(target, [_AFTER_EACH_OTHER.join(statements)])
    return StepResult(deviations=tuple(d for entry in todo for d in _said(context, entry)))


def _portions(todo: Sequence[Mapping[str, Any]]) -> Iterator[list[str]]:
    """Yield the statements of entries, as many at a time as go to the server in one message."""
    portion: list[str] = []
    for entry in todo:
        portion.extend(entry["sql"])
        if len(portion) >= MESSAGE_STATEMENTS:
            yield portion
            portion = []
    if portion:
        yield portion


def _one_by_one(
    context: StepContext, target: Connection, todo: Sequence[Mapping[str, Any]], done: list[int]
) -> StepResult:
    failed: dict[int, str] = {}
    failures: list[Failure] = []
    deviations: list[Deviation] = []
    for entry in todo:
        context.progress()
        if failure := _blocked(entry, failed) or _attempt(target, entry, deviations, context):
            failed[entry["id"]] = entry["label"]
            failures.append(failure)
            continue
        done.append(entry["id"])
        deviations.extend(_said(context, entry))
    return StepResult(failures=tuple(failures), deviations=tuple(deviations), detail={"done": done} if failures else {})


def _attempt(
    target: Connection, entry: Mapping[str, Any], deviations: list[Deviation], context: StepContext
) -> Failure | None:
    try:
        with target.transaction():
            run(target, entry["sql"])
    except psycopg.Error as error:
        _raise_unless_own_fault(error)
        hint = error.diag.message_hint
        if isinstance(error, psycopg.errors.ForeignKeyViolation) and is_foreign_key(entry):
            if may_come_late(context):
                deviations.append(_deviation(context, entry["label"], add_unvalidated(target, entry)))
                return None
            hint = START_OVER if is_of_two_moments(context) else hint
        if isinstance(error, psycopg.errors.UndefinedObject) and "of_foreign_key" in entry and may_come_late(context):
            deviations.append(_deviation(context, entry["label"], ABSENT))
            return None
        if entry["optional"] and error.sqlstate == _INSUFFICIENT_PRIVILEGE:
            deviations.append(_deviation(context, entry["label"], f"not set: {describe(error)}"))
            return None
        return Failure(object=entry["label"], message=describe(error), hint=hint)
    return None


def _blocked(entry: Mapping[str, Any], failed: Mapping[int, str]) -> Failure | None:
    cause = next((failed[i] for i in entry["after"] if i in failed), None)
    return Failure(object=entry["label"], message=f"waits for {cause}, which failed") if cause else None


def _raise_unless_own_fault(error: psycopg.Error) -> None:
    # A cancelled query (57014) is the user's stop.
    if reaction(error) in (Reaction.RETRY, Reaction.SNAPSHOT_LOST) or error.sqlstate in (None, "57014"):
        raise error


def _said(context: StepContext, entry: Mapping[str, Any]) -> list[Deviation]:
    return [_deviation(context, entry["label"], message) for message in entry["deviations"]]


def _deviation(context: StepContext, label: str, message: str) -> Deviation:
    return Deviation(database=context.step.database, object=label, message=message)


def _is_comment(statement: str) -> bool:
    """Whether it is nothing but `-- *not* creating schema, since initdb creates it`."""
    return all(line.startswith("--") or not line.strip() for line in statement.splitlines())


def _surroundings(entry: Entry, tablespace: str | None) -> tuple[list[str], list[str]]:
    before, after = [], []
    if tablespace:
        before.append(_text("set default_tablespace = {}", tablespace))
        after.append("set default_tablespace = ''")
    if entry.access_method and entry.relkind != "p":
        before.append(_text("set default_table_access_method = {}", entry.access_method))
        after.append("reset default_table_access_method")
    return before, after


def _late_access_method(entry: Entry) -> list[str]:
    # A partitioned table has no storage: the default at its creation says nothing, it has to be told.
    if not entry.access_method or entry.relkind != "p":
        return []
    return [sql.SQL("alter table {} set access method {}").format(_name(entry), _id(entry.access_method)).as_string()]


def _owner(entry: Entry) -> list[str]:
    described = _described(entry)
    # What has no DROP statement cannot be owned on its own: a shell type, the sequence of an identity column.
    if described is None or not entry.owner or not entry.drop_sql.strip():
        return []
    return [f"alter {described} owner to {_id(entry.owner).as_string()}"]


def _described(entry: Entry) -> str | None:
    if entry.type in _WITH_SIGNATURE:
        return entry.drop_sql.strip().rstrip(";").removeprefix("DROP ")
    return f"{entry.type.lower()} {_name(entry).as_string()}" if entry.type in _NAMED else None


def _name(entry: Entry) -> sql.Identifier:
    return sql.Identifier(entry.schema, entry.name) if entry.schema else _id(entry.name)


def _id(name: str) -> sql.Identifier:
    return sql.Identifier(name)


def _text(template: str, name: str) -> str:
    return sql.SQL(template).format(_id(name)).as_string()
