"""Large objects: what the catalogs say of them, what they hold, and how a range of them is copied."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from importlib import resources
from itertools import groupby
from typing import Any, Final, NamedTuple

import psycopg
from psycopg import sql

from dtsrun.api import Connection, Failure, StepContext, StepResult
from dtsrun.attempts import Attempts
from dtsrun.copying import is_own_fault, savepoint
from dtsrun.postgres.sqlstate import describe

HEAD_BYTES: Final = 64 * 1024
"""How much of each large object is fetched with the others of its batch; most are smaller."""
BATCH: Final = 100
CHUNK_BYTES: Final = 4 * 1024 * 1024
"""How much of a larger one is fetched at once."""


class Facts(NamedTuple):
    """What the catalogs say of a large object."""

    owner: str
    comment: str | None
    has_default_grants: bool
    grants: list[tuple[str | None, str, str, bool]]
    """Grantee (None: PUBLIC), grantor, privilege, with grant option."""
    labels: list[tuple[str, str]]
    """Provider and label."""


def read_facts(connection: Connection, context: StepContext) -> dict[int, Facts]:
    """Return the large objects of a step's range of OIDs, `first` to `last`, as an end has them."""
    rows = connection.execute(_query("large_objects.sql"), dict(context.step.args))
    return {
        row.oid: Facts(
            row.owner,
            row.comment,
            row.has_default_grants,
            [tuple(grant) for grant in row.grants],
            [tuple(each) for each in row.labels],
        )
        for row in rows
    }


def _query(name: str) -> bytes:
    return resources.files(__package__).joinpath(name).read_bytes()


def read_digests(connection: Connection, oids: list[int], context: StepContext) -> dict[int, str]:
    """Return size and MD5 of large objects, as a text for people."""
    found: dict[int, str] = {}
    for start in range(0, len(oids), BATCH):
        context.progress()
        part = {"oids": oids[start : start + BATCH], "chunk": CHUNK_BYTES}
        with connection.transaction(force_rollback=True):  # which closes what the query opened
            rows = connection.execute(_query("large_object_digests.sql"), part)
            found.update({row.oid: f"{row.size} bytes, MD5 {row.digest}" for row in rows})
    return found


def label(oid: int) -> str:
    """Return what a large object is called for people, and on both ends."""
    return f"large object {oid}"


class RangeCopy:
    """The copying of one range of OIDs: contents first, then owners, grants, comments and labels."""

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
        facts = {o: each for o, each in read_facts(self._source, self._context).items() if o not in without}
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
        object=label(oid),
        message="the target has a large object with this OID already",
        hint="`migration.on_conflict` can keep it (skip) or drop it (drop)",
    )


def _failure(oid: int, error: psycopg.Error) -> Failure:
    hint = error.diag.message_hint
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        hint = f"grant select on large object {oid} to the source's account"
    return Failure(object=label(oid), message=describe(error), hint=hint)


def _raise_unless_own_fault(error: psycopg.Error) -> None:
    if not is_own_fault(error):
        raise error


# Comparison
