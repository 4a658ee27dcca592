"""The watch over both ends while changes are followed: what drifts is told, and mended when that is asked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol

import psycopg

from dtsrun import marks
from dtsrun.api import Connection, Deviation, Entry, Link, StepResult
from dtsrun.completion.fence import WHAT
from dtsrun.engine.beginnings import beginnings
from dtsrun.engine.ends import Ends
from dtsrun.errors import DtsrunError, MigrationError
from dtsrun.inventory import dump_entries, matches
from dtsrun.journal import Journal
from dtsrun.postgres.sqlstate import Reaction, describe, reaction
from dtsrun.watch.databases import compare_databases, read_databases
from dtsrun.watch.drift import NEEDS_EPOCH, Drift
from dtsrun.watch.fingerprint import Fingerprint
from dtsrun.watch.large_objects import LargeObjectState
from dtsrun.watch.repairs import define, repair
from dtsrun.watch.roles import RoleState, compare_roles, read_role_state
from dtsrun.watch.sentinel import Sentinel, wanted_by
from dtsrun.watch.settings import compare_settings, is_back, read_settings

LOOK_SECONDS: Final = 10.0


class Say(Protocol):
    """Makes an event and shows it."""

    def __call__(self, kind: str, message: str, data: Mapping[str, Any] | None = None) -> None: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """A drift that was told and not mended since."""

    number: int
    """Of its event."""
    drift: Drift


@dataclass(kw_only=True, slots=True)
class Repaired:
    """What came of a repair."""

    done: list[str]
    failed: list[str]
    to_copy: list[Told]
    """What is defined on the target, and has to be copied yet."""
    has_ddl: bool = False
    """Whether definitions were mended without a copy: a table may have another name by now, or be gone."""


def open_drifts(journal: Journal, task: str) -> list[Told]:
    """Return what has drifted and is not mended, in the order in which it was told."""
    return [Told(number=event.id, drift=Drift.from_data(event.data)) for event in journal.open_drifts(task)]


class Watching:
    """Looks for drift, now and then."""

    def __init__(
        self,
        ends: Ends,
        journal: Journal,
        say: Say,
        *,
        source: Callable[[str], Connection],
        target: Callable[[str], Connection],
    ) -> None:
        """Prepare a watch.

        Args:
            source: gives a connection to a database of the source.
            target: gives one to its counterpart.
        """
        self._ends = ends
        self._journal = journal
        self._task = ends.spec.task.name
        self._say = say
        self._source, self._target = source, target
        self._kept = beginnings(journal, self._task)
        self._sentinels: dict[str, Sentinel] = {}
        self._look_again = 0.0
        self._refused: set[str] = set()

    def look(self, links: Sequence[Link], databases: Sequence[str], *, at_once: bool = False) -> list[Drift]:
        """Look, if it is time, or at once; tell what has drifted.

        What was the last word on an object, and is not mended, is not told again: a large object may be written to
        all the time.

        Args:
            databases: all that are moved, those that no link follows too.

        Raises:
            psycopg.Error: a server is out of reach.
        """
        now = time.monotonic()
        if now < self._look_again and not at_once:
            return []
        self._look_again = now + LOOK_SECONDS
        found: list[Drift] = []
        for database in databases:
            found += self._tolerant(database, partial(self._of_database, database, links))
        if databases:
            found += self._tolerant("roles and databases", partial(self._of_server, databases[0]))
            found += self._tolerant("settings", partial(self._of_settings, databases[0]))
        last = {_subject(told.drift): told.drift for told in open_drifts(self._journal, self._task)} if found else {}
        new = [drift for drift in found if last.get(_subject(drift)) != drift]
        for drift in new:
            self._say("drift", drift.message, drift.as_data())
        return new

    def repair(self, numbers: Sequence[int]) -> Repaired:
        """Mend what was told: all of it, or the drifts of these numbers.

        Of what needs a copy the definition alone is made here. What was dropped goes first: what was made anew under
        its name needs its place, and may not be made upon it. What fails is tried again while others succeed: a role
        may be a member of one that was told after it, and a view may use a function.
        """
        repaired = Repaired(done=[], failed=[], to_copy=[])
        told = self._chosen(numbers)
        left = self._attempt_all([each for each in told if each.drift.is_drop], repaired)
        left += self._attempt_all([each for each in told if not each.drift.is_drop], repaired)
        failed = self._attempt_all([each for each, _ in left], repaired)
        repaired.failed.extend(_failure_text(each, error) for each, error in failed)
        return repaired

    def _chosen(self, numbers: Sequence[int]) -> list[Told]:
        """Return the drifts of these numbers, or all; of tables that exchanged names never one alone."""
        known = open_drifts(self._journal, self._task)
        chosen = [each for each in known if not numbers or each.number in numbers]
        exchanged = {each.drift.database for each in chosen if each.drift.is_exchange}
        return [
            each for each in known if each in chosen or (each.drift.is_exchange and each.drift.database in exchanged)
        ]

    def _attempt_all(self, told: Sequence[Told], repaired: Repaired) -> list[tuple[Told, DtsrunError]]:
        """Mend what can be mended; return what is left when nothing more can, and why."""
        while told:
            failed = [(each, error) for each in told if (error := self._attempt(each, repaired)) is not None]
            if len(failed) == len(told):
                return failed
            told = [each for each, _ in failed]
        return []

    def accept(self, numbers: Collection[int]) -> Repaired:
        """Leave drifts as they are: they are no longer told, stand in no gate's way, and the report lists them."""
        told = {each.number: each for each in open_drifts(self._journal, self._task)}
        accepted = Repaired(done=[], failed=[], to_copy=[])
        for number in dict.fromkeys(numbers):
            if number not in told:
                accepted.failed.append(f"no drift of number {number} is open")
                continue
            drift = told[number].drift
            said = Deviation(database=drift.database, object=drift.object, message=f"left as it is: {drift.message}")
            self._journal.deviate(self._task, f"drift {number}", [said])
            accepted.done.append(self._mended(told[number], f"{drift.object} is left as it is"))
        return accepted

    def _attempt(self, told: Told, repaired: Repaired) -> DtsrunError | None:
        if (before := self._namesake(told)) is not None:
            return MigrationError(f"{told.drift.object} waits for number {before.number}: {before.drift.message}")
        try:
            if needs_copy(told.drift) and self._is_there(told.drift):
                self._define(told)
                repaired.to_copy.append(told)
            else:
                repaired.done.append(self._repair(told))
                repaired.has_ddl |= told.drift.kind == "ddl"
        except DtsrunError as error:
            return error
        return None

    def _namesake(self, told: Told) -> Told | None:
        """Return what was told before of another object of the same name: a table was dropped and made anew."""
        for earlier in open_drifts(self._journal, self._task):
            ours, theirs = told.drift.repair, earlier.drift.repair
            is_other = ours is not None and theirs is not None and ours.oid != theirs.oid
            if earlier.number < told.number and is_other and _subject(earlier.drift) == _subject(told.drift):
                return earlier
        return None

    def mended(self, numbers: Collection[int]) -> list[str]:
        """Say that drifts are mended whose tables were copied meanwhile."""
        told = [each for each in open_drifts(self._journal, self._task) if each.number in numbers]
        return [self._mended(each, f"{each.drift.object} was copied and is followed") for each in told]

    def _repair(self, told: Told) -> str:
        drift = told.drift
        if needs_copy(drift):
            return self._mended(told, f"{drift.object} is gone from the source")
        database = drift.database or self._ends.routes["source"].maintenance_database
        repair(drift, self._source(database), self._target(database), self._ends.spec.selection.target_name)
        return self._mended(told, f"{drift.object} is mended")

    def _mended(self, told: Told, text: str) -> str:
        self._say("repaired", text, {"drift": told.number})
        return text

    def _is_there(self, drift: Drift) -> bool:
        """Tell whether the source still has the table that is to be copied."""
        assert drift.repair is not None and drift.database is not None  # what needs a copy has both
        found = self._source(drift.database).execute(
            "select from pg_catalog.pg_class where oid = %s::bigint::oid", [drift.repair.oid]
        )
        return found.fetchone() is not None

    def _define(self, told: Told) -> None:
        """Make a table's definition on the target, once: a runner that is killed after it finds the mark."""
        assert told.drift.database is not None
        target, key = self._target(told.drift.database), f"repair/{told.number}"
        marks.prepare(target)
        with target.transaction():
            if marks.read(target, self._task, key) is None:
                define(told.drift, target)
                marks.write(target, self._task, key, 0, StepResult())

    def _tolerant(self, what: str, look: Callable[[], list[Drift]]) -> list[Drift]:
        """A watch that cannot look says so once, and changes are followed on."""
        try:
            return look()
        except (psycopg.Error, DtsrunError) as error:
            if isinstance(error, psycopg.Error) and reaction(error) is Reaction.RETRY:
                raise
            text = f"drift of {what} cannot be looked for: {describe(error)}"
            if text not in self._refused:
                self._refused.add(text)
                self._say("warning", text)
            return []

    def _of_database(self, database: str, links: Sequence[Link]) -> list[Drift]:
        sentinel = self._sentinels.get(database)
        if sentinel is None:
            kept = self._kept.read(database)
            if kept is None:
                return []
            sentinel = self._sentinels[database] = self._sentinel(database, *kept)
        before = sentinel.known, sentinel.known_large_objects
        drifts = sentinel.look(self._source(database), [link for link in links if link.database == database])
        after = sentinel.known, sentinel.known_large_objects
        if after[1] is not None and (before[0] is not after[0] or before[1] != after[1]):
            self._kept.save(database, after[0], after[1])
        return drifts

    def _sentinel(self, database: str, begun: Fingerprint, large_objects: LargeObjectState) -> Sentinel:
        chosen = self._ends.spec.selection
        return Sentinel(
            database,
            begun,
            wanted=wanted_by(None if chosen.entire_instance else chosen.databases.get(database)),
            dump=lambda: self._dump(database),
            large_objects=large_objects,
        )

    def _dump(self, database: str) -> Sequence[Entry]:
        newest = max(facts.major for facts in self._ends.facts.values())
        return dump_entries(self._ends.routes["source"], database, self._ends.registry.object_kinds, at_least=newest)

    def _is_fenced(self) -> bool:
        """Tell whether a fence of the task is up, also one that a killed runner left: what it changed is no drift."""
        return any(made.what == WHAT for made in self._journal.creations(self._task))

    def _of_server(self, database: str) -> list[Drift]:
        before = self._kept.read_server()
        if before is None or self._is_fenced():
            return []
        source, chosen = self._source(database), self._ends.spec.selection
        now = read_role_state(source), read_databases(source)
        if now == before:
            return []
        self._kept.save_server(*now)
        roles = None if chosen.entire_instance else _moved_roles(chosen.roles, before[0], now[0])
        databases = None if chosen.entire_instance else chosen.databases.keys()
        return [
            *compare_roles(before[0], now[0], roles),
            *compare_databases(before[1], now[1], databases, chosen.target_name),
        ]

    def _of_settings(self, database: str) -> list[Drift]:
        """Return what is not as it was when the task began; say what is so again."""
        kept = self._kept.read_settings()
        now = read_settings(self._source(database), self._target(database))
        begun, last = kept or (now, now)
        if kept is None or now != last:
            self._kept.save_settings(begun, now)
        for told in open_drifts(self._journal, self._task) if now != last else ():
            if is_back(told.drift, begun, now):
                self._mended(told, f"{told.drift.object} is what it was")
        return [drift for drift in compare_settings(begun, now) if drift not in list(compare_settings(begun, last))]


def _failure_text(told: Told, error: DtsrunError) -> str:
    return f"{told.number}: {error.message}" + (f"; {error.hint}" if error.hint else "")


def _moved_roles(patterns: Sequence[str], before: RoleState, now: RoleState) -> set[str]:
    names = before.roles.keys() | now.roles.keys()
    return {name for name in names if any(matches(pattern, name) for pattern in patterns)}


def _subject(drift: Drift) -> tuple[str | None, str]:
    return drift.database, drift.object


def needs_copy(drift: Drift) -> bool:
    """Return whether only a copy in a new epoch mends a drift."""
    return drift.repair is not None and drift.repair.action in NEEDS_EPOCH
