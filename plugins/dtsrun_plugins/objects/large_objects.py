"""The object kind `large_objects`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib import resources
from itertools import groupby, pairwise
from typing import Any, Final, NamedTuple

import psycopg
from psycopg import sql

from dtsrun import marks
from dtsrun.aligning import aligning
from dtsrun.api import (
    Alignment,
    Connection,
    Database,
    Difference,
    Entry,
    Failure,
    Lane,
    MigrationType,
    ObjectKind,
    PlanContext,
    Step,
    StepContext,
    StepResult,
)
from dtsrun.attempts import Attempts
from dtsrun.copying import is_own_fault, savepoint
from dtsrun.postgres.sqlstate import describe

HEAD_BYTES: Final = 64 * 1024
"""How much of each large object is fetched with the others of its batch; most are smaller."""
BATCH: Final = 100
CHUNK_BYTES: Final = 4 * 1024 * 1024
"""How much of a larger one is fetched at once."""


class LargeObjects(ObjectKind):
    """Large objects

    What it does
    ------------
    Copies large objects with their OIDs, contents, owners, grants, comments and security labels: a range of some
    hundred OIDs in each step, small ones together, large ones chunk by chunk. A range and the mark that it is done
    commit together. Verification compares which there are, and of each the MD5 that the servers compute, owner,
    grants and comment.

    Why it matters
    --------------
    Tables refer to large objects by OID and no constraint watches over it: one that is missing or has another OID is
    noticed when somebody opens it.

    Spec
    ----
    They belong to no schema, so they come with a database that is moved as a whole. `kinds: {large_objects: {include:
    false}}` leaves them behind; where objects are chosen one by one, `{large_object: "*"}` in `include` takes them all.

    Needs
    -----
    SELECT on each large object of the source; on the target membership in the roles that will own them.

    Example
    -------
    ::

        kinds: {large_objects: {include: false}}

    Limits
    ------
    Holes of a sparse large object are read as zeros; blocks of zeros are not written, so that they are holes again.
    """

    name = "object.large_objects"
    entry_types = ("BLOB", "BLOB METADATA", "BLOBS")
    selector = "large_object"
    has_data = True
    options = {
        "properties": {
            "include": {
                "type": "boolean",
                "default": True,
                "description": "Whether large objects are moved with a database.",
            }
        }
    }

    def statements(self, entry: Entry, database: Database, context: PlanContext) -> Sequence[str]:
        """Return nothing: dumps are made without large objects, whose steps copy them."""
        return ()

    def steps(self, stage: str, context: PlanContext) -> Iterable[Step]:
        """Return a step for each range of OIDs: to copy it, or to compare it."""
        if not context.options(self.name)["include"]:
            return
        for database in context.inventory.databases.values():
            if stage == "full":
                yield from (_copying(database, *bounds) for bounds in pairwise(database.large_objects.bounds))
            elif stage == "complete" and context.spec.migration_type is MigrationType.FULL_INCREMENTAL:
                yield from _aligning_all(database)
            elif stage == "verify" and context.spec.migration_type is MigrationType.FULL_INCREMENTAL:
                yield from (_comparing(database, *bounds) for bounds in _everywhere(database))
            elif stage == "verify":
                yield from (_comparing(database, *bounds) for bounds in pairwise(database.large_objects.bounds))

    def do_copy(self, context: StepContext) -> StepResult:
        """Copy the large objects of one range of OIDs."""
        return _Range(context).copy()

    def do_align(self, context: StepContext) -> StepResult:
        """Make the large objects of one range of OIDs as they are on the source by now; what is equal stays."""
        target = context.target()
        ours, theirs = (_facts(end, context) for end in (context.source(), target))
        both = sorted(oid for oid in ours.keys() & theirs if ours[oid] == theirs[oid])
        source_digests, target_digests = (_digests(end, both, context) for end in (context.source(), target))
        equal = {oid for oid in both if source_digests.get(oid) == target_digests.get(oid)}
        # Beyond what the task has copied, those on the target may be somebody else's: but for what an earlier
        # completion made, which was called off.
        made = set(theirs) if context.step.args["own"] else _made_before(context)
        stale = (theirs.keys() - equal) & made
        gone = sorted(stale)
        target.execute("select pg_catalog.lo_unlink(o::oid) from pg_catalog.unnest(%s::bigint[]) as o", [gone])
        if not context.step.args["own"]:
            _remember_made(context, sorted(ours.keys() & (made | (ours.keys() - theirs.keys()))))
        result = _Range(context).copy(without=equal)
        failed = {failure.object for failure in result.failures}
        copied = {oid: "copied anew" if oid in stale else "copied" for oid in sorted(ours.keys() - equal)}
        removed = dict.fromkeys(sorted(stale - ours.keys()), "removed: the source has it no more")
        done = [
            Alignment(database=context.step.database, object=_label(oid), message=message)
            for oid, message in (copied | removed).items()
            if _label(oid) not in failed
        ]
        return replace(result, alignments=tuple(done))

    def do_compare(self, context: StepContext) -> StepResult:
        """Compare the large objects of one range of OIDs."""
        ours, theirs = (_facts(end, context) for end in (context.source(), context.target()))
        both = sorted(ours.keys() & theirs)
        digests = [_digests(end, both, context) for end in (context.source(), context.target())]
        # Beyond what the task has copied, those on the target may be somebody else's.
        wanted = ours.keys() | theirs.keys() if context.step.args["own"] else ours.keys()
        found = [d for oid in sorted(wanted) for d in _differences(context, oid, ours, theirs, digests)]
        return StepResult(rows=len(both), differences=tuple(found))


def _label(oid: int) -> str:
    return f"large object {oid}"


def _made_before(context: StepContext) -> set[int]:
    """Return OIDs of the large objects beyond the first copy that an earlier completion made."""
    target = context.target()
    mark = marks.read(target, context.spec.task.name, _made_key(context)) if marks.exists(target) else None
    return set(mark.detail["oids"]) if mark else set()


def _remember_made(context: StepContext, oids: list[int]) -> None:
    if oids:
        made = StepResult(detail={"oids": oids})
        marks.write(context.target(), context.spec.task.name, _made_key(context), 0, made)


def _made_key(context: StepContext) -> str:
    return f"made by {context.step.key}"


class Facts(NamedTuple):
    """What the catalogs say of a large object."""

    owner: str
    comment: str | None
    has_default_grants: bool
    grants: list[tuple[str | None, str, str, bool]]
    """Grantee (None: PUBLIC), grantor, privilege, with grant option."""
    labels: list[tuple[str, str]]
    """Provider and label."""


def _copying(database: Database, first: int, end: int) -> Step:
    return Step(
        key=f"{database.name}/full/large objects from {first}",
        stage="full",
        plugin=LargeObjects.name,
        action="copy",
        database=database.name,
        args={"first": first, "last": end - 1},
        needs=(f"{database.name}/database", "server/roles"),
        lane=Lane.COPY,
        size=_share(database),
        title=f"copy large objects from {first}",
    )


def _aligning_all(database: Database) -> Iterator[Step]:
    for first, end in _everywhere(database):
        copying = _copying(database, first, end)
        args = {**copying.args, "own": _is_own(database, first)}
        yield aligning(replace(copying, action="align", args=args, title=f"align large objects from {first}"))


def _everywhere(database: Database) -> Iterator[tuple[int, int]]:
    """Yield ranges of all OIDs that there can be: large objects may have been made since the inventory."""
    return pairwise([1, *(bound for bound in database.large_objects.bounds if bound > 1), 2**32])


def _is_own(database: Database, first: int) -> bool:
    """Tell whether a range is one of those that the task has copied."""
    bounds = database.large_objects.bounds
    return len(bounds) > 1 and bounds[0] <= first < bounds[-1]


def _comparing(database: Database, first: int, end: int) -> Step:
    return Step(
        key=f"{database.name}/verify/large objects from {first}",
        stage="verify",
        plugin=LargeObjects.name,
        action="compare",
        database=database.name,
        args={"first": first, "last": end - 1, "own": _is_own(database, first)},
        lane=Lane.VERIFY,
        size=_share(database),
        marked=False,
        depends_softly=True,
        title=f"compare large objects from {first}",
    )


def _share(database: Database) -> int:
    return database.large_objects.bytes // max(1, len(database.large_objects.bounds) - 1)


def _facts(connection: Connection, context: StepContext) -> dict[int, Facts]:
    rows = connection.execute(_query("large_objects.sql"), dict(context.step.args))
    return {
        row.oid: Facts(
            row.owner,
            row.comment,
            row.has_default_grants,
            [tuple(grant) for grant in row.grants],
            [tuple(label) for label in row.labels],
        )
        for row in rows
    }


def _query(name: str) -> bytes:
    return resources.files(__package__).joinpath(name).read_bytes()


class _Range:
    """The copying of one range."""

    def __init__(self, context: StepContext) -> None:
        self._context = context
        self._source, self._target = context.source(), context.target()
        self._attempts = Attempts(self._target, context.step.database)
        self._bytes = 0

    def copy(self, without: Collection[int] = ()) -> StepResult:
        """Copy contents, then properties; a run after failures takes up what is left.

        Args:
            without: OIDs of those that are on the target as they should be.
        """
        facts = {o: each for o, each in _facts(self._source, self._context).items() if o not in without}
        done = set(self._context.earlier.get("contents", ()))
        todo = self._without_conflicts([oid for oid in facts if oid not in done])
        copied = sorted(done | set(self._copy_contents(todo)))
        self._set_properties({oid: facts[oid] for oid in copied if oid in facts})
        failures = tuple(self._attempts.failures)
        detail = {"contents": copied} if failures else {}
        return StepResult(rows=len(copied), bytes=self._bytes, failures=failures, detail=detail)

    # Contents

    def _without_conflicts(self, oids: list[int]) -> list[int]:
        """Return what can be made; what the target has already is dropped, kept or reported, as the spec says."""
        found = self._target.execute(
            "select oid::bigint as oid from pg_catalog.pg_largeobject_metadata where oid = any(%s::bigint[]::oid[])",
            [oids],
        )
        taken = {row.oid for row in found}
        policy = self._context.spec.on_conflict
        if policy == "drop":
            self._target.execute("select pg_catalog.lo_unlink(o) from pg_catalog.unnest(%s::bigint[]) as o", [[*taken]])
            return oids
        if policy == "fail":
            self._attempts.failures += [_conflict(oid) for oid in sorted(taken)]
        return [oid for oid in oids if oid not in taken]

    def _copy_contents(self, oids: list[int]) -> Iterator[int]:
        """Yield the OIDs of those that arrived."""
        for start in range(0, len(oids), BATCH):
            batch, before = oids[start : start + BATCH], self._bytes
            try:
                self._copy_batch(batch)
                yield from batch
            except psycopg.Error as error:
                _raise_unless_own_fault(error)
                self._bytes = before
                yield from (oid for oid in batch if self._copy_one(oid))

    def _copy_batch(self, oids: list[int]) -> None:
        with savepoint(self._source), savepoint(self._target):
            heads = self._heads(oids)
            self._target.execute(
                "select pg_catalog.lo_from_bytea(o.oid, o.head)"
                "  from rows from (pg_catalog.unnest(%s::bigint[]::oid[]), pg_catalog.unnest(%b::bytea[]))"
                " as o(oid, head)",
                [[*heads], [*heads.values()]],
            )
            self._progress(rows=len(heads), bytes=sum(map(len, heads.values())))
            for oid, head in heads.items():
                if len(head) == HEAD_BYTES:
                    self._copy_rest(oid)

    def _copy_one(self, oid: int) -> bool:
        try:
            self._copy_batch([oid])
        except psycopg.Error as error:
            _raise_unless_own_fault(error)
            self._attempts.failures.append(_failure(oid, error))
            return False
        return True

    def _heads(self, oids: list[int]) -> dict[int, bytes]:
        with self._source.cursor(binary=True) as cursor:
            cursor.execute(
                "select o.oid::bigint as oid, pg_catalog.lo_get(o.oid, 0, %s) as head"
                "  from pg_catalog.unnest(%s::bigint[]::oid[]) as o(oid)",
                [HEAD_BYTES, oids],
            )
            return {row.oid: row.head for row in cursor}

    def _copy_rest(self, oid: int) -> None:
        """Copy what is beyond the head. Blocks of zeros are left out, but for the very last byte of the object."""
        start, is_whole, ends_in_hole = HEAD_BYTES, True, False
        while is_whole:
            chunk = self._chunk(oid, start)
            is_whole = len(chunk) == CHUNK_BYTES
            if chunk.strip(b"\0"):
                self._put(oid, start, chunk)
            ends_in_hole = not chunk.strip(b"\0") if chunk else ends_in_hole
            start += len(chunk)
            self._progress(bytes=len(chunk))
        if ends_in_hole:
            self._put(oid, start - 1, b"\0")

    def _chunk(self, oid: int, start: int) -> bytes:
        with self._source.cursor(binary=True) as cursor:
            row = cursor.execute(
                "select pg_catalog.lo_get(%s::bigint::oid, %s::bigint, %s) as chunk", [oid, start, CHUNK_BYTES]
            ).fetchone()
        return bytes(row.chunk)  # type: ignore[union-attr]

    def _put(self, oid: int, start: int, chunk: bytes) -> None:
        self._target.execute("select pg_catalog.lo_put(%s::bigint::oid, %s::bigint, %b)", [oid, start, chunk])

    def _progress(self, *, rows: int = 0, bytes: int) -> None:
        self._bytes += bytes
        self._context.progress(rows=rows, bytes=bytes)

    # Properties

    def _set_properties(self, facts: Mapping[int, Facts]) -> None:
        for oids, owner in _alike(facts, lambda each: each.owner):
            self._run(oids, *(_statement("alter large object {} owner to {}", [oid], owner) for oid in oids))
        granted = {oid: each for oid, each in facts.items() if not each.has_default_grants}
        for oids, grants in _alike(granted, _in_order_of_granting):
            self._run(oids, *_grants(oids, facts[oids[0]].owner, grants))
        for oid, each in facts.items():
            if each.comment is not None:
                self._run([oid], _with_text("comment on large object {} is {}", oid, each.comment))
            for provider, label in each.labels:
                by = sql.SQL("security label for {} on large object {{}} is {{}}").format(sql.Identifier(provider))
                self._run([oid], _with_text(by.as_string(), oid, label))

    def _run(self, oids: list[int], *statements: sql.Composed) -> None:
        more = f" and {len(oids) - 1} more" if oids[1:] else ""
        self._context.progress()
        self._attempts.run(f"large object {oids[0]}{more}", sql.SQL("; ").join(statements))


def _alike(facts: Mapping[int, Facts], what: Callable[[Facts], Any]) -> Iterator[tuple[list[int], Any]]:
    """Yield OIDs that have the same of something, and that."""
    ordered = sorted(facts, key=lambda oid: (repr(what(facts[oid])), facts[oid].owner))
    for _, group in groupby(ordered, key=lambda oid: (repr(what(facts[oid])), facts[oid].owner)):
        oids = sorted(group)
        yield oids, what(facts[oids[0]])


def _in_order_of_granting(facts: Facts) -> list[tuple[str | None, str, str, bool]]:
    """Return grants so that each grantor has the right to grant by then: the owner's first, then from hand to hand."""
    holders = {(facts.owner, privilege) for privilege in ("SELECT", "UPDATE")}
    waiting, ordered = sorted(facts.grants, key=repr), []
    while waiting:
        now = [grant for grant in waiting if (grant[1], grant[2]) in holders] or waiting
        ordered += now
        holders |= {(grant[0] or "", grant[2]) for grant in now if grant[3]}
        waiting = [grant for grant in waiting if grant not in now]
    return ordered


def _grants(oids: list[int], owner: str, grants: list[tuple[str | None, str, str, bool]]) -> Iterator[sql.Composed]:
    """Yield the statements that take away what the owner has by default and grant what the source has."""
    yield _statement("revoke all on large object {} from {}", oids, owner)
    for grantee, grantor, privilege, has_option in grants:
        # A grant is the owner's, unless somebody else gave it: then he has to give it here too.
        if grantor != owner:
            yield sql.SQL("set local role {}").format(sql.Identifier(grantor))
        yield _granting(oids, grantee, privilege, has_option)
        if grantor != owner:
            yield sql.SQL("reset role").format()


def _granting(oids: list[int], grantee: str | None, privilege: str, has_option: bool) -> sql.Composed:
    return sql.SQL("grant {} on large object {} to {}{}").format(
        sql.SQL(privilege),
        _listed(oids),
        sql.Identifier(grantee) if grantee else sql.SQL("public"),
        sql.SQL(" with grant option" if has_option else ""),
    )


def _statement(template: str, oids: list[int], role: str) -> sql.Composed:
    return sql.SQL(template).format(_listed(oids), sql.Identifier(role))


def _with_text(template: str, oid: int, text: str) -> sql.Composed:
    return sql.SQL(template).format(sql.Literal(oid), sql.Literal(text))


def _listed(oids: list[int]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Literal, oids))


def _conflict(oid: int) -> Failure:
    return Failure(
        object=_label(oid),
        message="the target has a large object with this OID already",
        hint="`migration.on_conflict` can keep it (skip) or drop it (drop)",
    )


def _failure(oid: int, error: psycopg.Error) -> Failure:
    hint = error.diag.message_hint
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        hint = f"grant select on large object {oid} to the source's account"
    return Failure(object=_label(oid), message=describe(error), hint=hint)


def _raise_unless_own_fault(error: psycopg.Error) -> None:
    if not is_own_fault(error):
        raise error


# Comparison


def _digests(connection: Connection, oids: list[int], context: StepContext) -> dict[int, str]:
    """Return size and MD5 of large objects, as a text for people."""
    found: dict[int, str] = {}
    for start in range(0, len(oids), BATCH):
        context.progress()
        part = {"oids": oids[start : start + BATCH], "chunk": CHUNK_BYTES}
        with connection.transaction(force_rollback=True):  # which closes what the query opened
            rows = connection.execute(_query("large_object_digests.sql"), part)
            found.update({row.oid: f"{row.size} bytes, MD5 {row.digest}" for row in rows})
    return found


def _differences(
    context: StepContext, oid: int, ours: Mapping[int, Facts], theirs: Mapping[int, Facts], digests: Any
) -> Iterator[Difference]:
    if oid not in ours or oid not in theirs:
        aspect, ends = ("missing", ("present", "absent")) if oid in ours else ("extra", ("absent", "present"))
        yield _difference(context, oid, aspect, *ends)
        return
    mine, other = ours[oid], theirs[oid]
    pairs = {
        "contents": (digests[0][oid], digests[1][oid]),
        "owner": (mine.owner, other.owner),
        "grants": (_told(mine), _told(other)),
        "comment": (mine.comment or "", other.comment or ""),
        "security labels": (str(mine.labels), str(other.labels)),
    }
    yield from (_difference(context, oid, aspect, *pair) for aspect, pair in pairs.items() if pair[0] != pair[1])


def _told(facts: Facts) -> str:
    if facts.has_default_grants:
        # As if they were written out: an owner who was granted what he has anyway has no other rights.
        return f"{facts.owner}: SELECT, UPDATE"
    by_role: dict[str, list[str]] = {}
    for grantee, grantor, privilege, has_option in sorted(facts.grants, key=repr):
        origin = "" if grantor == facts.owner else f" by {grantor}"
        by_role.setdefault(grantee or "public", []).append(f"{privilege}{'*' if has_option else ''}{origin}")
    return "; ".join(f"{role}: {', '.join(rights)}" for role, rights in sorted(by_role.items()))


def _difference(context: StepContext, oid: int, aspect: str, source: str, target: str) -> Difference:
    return Difference(database=context.step.database, object=_label(oid), aspect=aspect, source=source, target=target)
