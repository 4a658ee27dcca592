"""The object kind `large_objects`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from dtsrun import marks
from dtsrun.aligning import aligning
from dtsrun.api import (
    Alignment,
    Database,
    Difference,
    Entry,
    Lane,
    MigrationType,
    ObjectKind,
    PlanContext,
    Step,
    StepContext,
    StepResult,
)
from dtsrun.large_objects import Facts, RangeCopy, label, read_digests, read_facts


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
        return RangeCopy(context).copy()

    def do_align(self, context: StepContext) -> StepResult:
        """Make the large objects of one range of OIDs as they are on the source by now; what is equal stays."""
        target = context.target()
        ours, theirs = (read_facts(end, context) for end in (context.source(), target))
        both = sorted(oid for oid in ours.keys() & theirs if ours[oid] == theirs[oid])
        source_digests, target_digests = (read_digests(end, both, context) for end in (context.source(), target))
        equal = {oid for oid in both if source_digests.get(oid) == target_digests.get(oid)}
        # Beyond what the task has copied, those on the target may be somebody else's: but for what an earlier
        # completion made, which was called off.
        made = set(theirs) if context.step.args["own"] else _made_before(context)
        stale = (theirs.keys() - equal) & made
        gone = sorted(stale)
        target.execute("select pg_catalog.lo_unlink(o::oid) from pg_catalog.unnest(%s::bigint[]) as o", [gone])
        if not context.step.args["own"]:
            _remember_made(context, sorted(ours.keys() & (made | (ours.keys() - theirs.keys()))))
        result = RangeCopy(context).copy(without=equal)
        failed = {failure.object for failure in result.failures}
        copied = {oid: "copied anew" if oid in stale else "copied" for oid in sorted(ours.keys() - equal)}
        removed = dict.fromkeys(sorted(stale - ours.keys()), "removed: the source has it no more")
        done = [
            Alignment(database=context.step.database, object=label(oid), message=message)
            for oid, message in (copied | removed).items()
            if label(oid) not in failed
        ]
        return replace(result, alignments=tuple(done))

    def do_compare(self, context: StepContext) -> StepResult:
        """Compare the large objects of one range of OIDs."""
        ours, theirs = (read_facts(end, context) for end in (context.source(), context.target()))
        both = sorted(ours.keys() & theirs)
        digests = [read_digests(end, both, context) for end in (context.source(), context.target())]
        # Beyond what the task has copied, those on the target may be somebody else's.
        wanted = ours.keys() | theirs.keys() if context.step.args["own"] else ours.keys()
        found = [d for oid in sorted(wanted) for d in _differences(context, oid, ours, theirs, digests)]
        return StepResult(rows=len(both), differences=tuple(found))


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
    return Difference(database=context.step.database, object=label(oid), aspect=aspect, source=source, target=target)
