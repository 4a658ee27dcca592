"""The time between the copy and the cutover: changes flow, and we look on.

Twice a second we ask what another terminal wants, and how the links stand. The lag goes into the journal, where every
face reads it; what is out of order is an event, said once.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import psycopg

from dtsrun.api import Deviation, Link, LinkStatus
from dtsrun.engine.control import Control
from dtsrun.engine.following import Following
from dtsrun.engine.refusals import ApplyStopped, Refusal, TableRefused, mending_command
from dtsrun.engine.watching import Watching
from dtsrun.errors import UnreachableError
from dtsrun.journal import Journal, Request
from dtsrun.late_keys import RELEASED
from dtsrun.postgres.sqlstate import Reaction, describe, reaction
from dtsrun.watch.applying import ApplyError, Policy, diagnose_apply_error, react
from dtsrun.watch.lag import Lag, Pace
from dtsrun.watch.positions import beat, current_position
from dtsrun.watch.referring_keys import release
from dtsrun.watch.slots import Level, LostLink, RetainedWal, lost_links, read_slots, retained_wal
from dtsrun.watch.stalls import STALL_SECONDS, Standstill, diagnose_stall

BEAT_SECONDS: Final = 2.0
TRIAL_SECONDS: Final = 30.0
"""Between two trials of the transaction that is not applied: each reads it from its slot."""
TICK_SECONDS: Final = 0.5
SAVE_SECONDS: Final = 2.0
LINE_SECONDS: Final = 30.0
"""Between two lines that say how far behind the target is, while that does not change much."""

PATIENCE_SECONDS: Final = 10.0
"""How long a link may have a trouble before we speak of it: a worker takes a moment to start."""

NOTHING_LEFT: Final = "syncing: nothing is left to apply"

Say = Callable[[str, str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """How one link stands."""

    link: Link
    status: LinkStatus
    lag: Lag
    wal: RetainedWal | None
    """None: the slot is lost."""
    lost: LostLink | None = None
    still: float = 0.0
    """Seconds for which nothing was applied, though there is something to apply."""

    def as_data(self) -> dict[str, Any]:
        """Return what the journal keeps for other faces."""
        return {
            "database": self.link.database,
            "epoch": self.link.epoch,
            "tables": len(self.link.tables),
            "state": self.status.state,
            "error": self.status.error,
            "table": self.status.table,
            "lag_bytes": self.lag.bytes,
            "lag_seconds": round(self.lag.seconds, 1),
            "lag_is_at_least": self.lag.is_at_least,
            "retained_bytes": self.wal.bytes if self.wal else None,
            "retained_limit": self.wal.limit if self.wal else None,
            "counts": dict(self.status.counts),
        }


class LinksLost(Exception):
    """Slots are lost, and with them the changes that they held: their tables have to be copied anew."""

    def __init__(self, links: Sequence[Link]) -> None:
        super().__init__(", ".join(link.name for link in links))
        self.links = tuple(links)


class Syncing:
    """Looks on while changes flow."""

    def __init__(self, following: Following, journal: Journal, task: str, say: Say, watching: Watching) -> None:
        self._following = following
        self.watching = watching
        self._journal = journal
        self._task = task
        self._say = say
        self._paces = {link.name: Pace() for link in following.links}
        self._standstills = {link.name: Standstill() for link in following.links}
        self._beat_again = self._try_again = 0.0
        self._errors: dict[str, ApplyError | None] = {}
        """By link, the change that its subscription cannot apply."""
        self._attempts: Counter[str] = Counter()
        self._troubles: dict[str, str] = {}
        """By link, what is told of why it does not go on."""
        self._policy = Policy(following.view.options["on_apply_error"])
        self._patience = following.view.spec.task.retry_for
        self._broken: Mapping[str, str] = {}
        """Slots that are there and not what they were, and why."""
        self._said: dict[str, str] = {}
        self._since: dict[str, float] = {}
        self._save_again = 0.0
        self._speak_again = 0.0
        self._faults_since: float | None = None

    def until(self, control: Control, *, faults: float) -> Request:
        """Look on until something is asked for, and return that.

        Args:
            faults: seconds for which servers may stay out of reach before that is an error.

        Raises:
            LinksLost: a slot is lost.
            TableRefused, ApplyStopped: a change is refused, and the user's word is not to wait (longer).
            UnreachableError: a server was out of reach of the engine's own sessions for longer.
            psycopg.Error: a server was out of reach for longer.
        """
        while (request := control.wanted()) is None:
            try:
                self.look()
                self._faults_since = None
                self._said.pop("fault", None)
            except psycopg.Error as error:
                self._bear(error, faults)
            control.wait(TICK_SECONDS)
        return request

    def look(self) -> Sequence[Standing]:
        """Look once at all links and at the source: measure, beat, remember.

        Raises:
            LinksLost, TableRefused, ApplyStopped: see `until`.
            psycopg.Error: a server does not answer.
        """
        self._broken = self._following.broken()
        standings = [self._standing(link) for link in self._following.links]
        self._beat()
        self.watching.look(self._following.links, self._following.moved.names)
        for standing in standings:
            self._complain(standing)
        if lost := [standing.link for standing in standings if standing.lost is not None]:
            raise LinksLost(lost)
        now = time.monotonic()
        if now >= self._save_again:
            self._save_again = now + SAVE_SECONDS
            self._save(standings)
        if now >= self._speak_again:
            self._speak_again = now + LINE_SECONDS
            self._say("lag", lag_text(standings))
        return standings

    def _standing(self, link: Link) -> Standing:
        source = self._following.view.source(link.database)
        # Before the target is asked: on an idle source what is applied is then never behind.
        position = current_position(source)
        status = self._following.engine.status(self._following.view, link)
        slots = read_slots(source, [link.name])
        applied = status.applied or link.start_lsn
        return Standing(
            link=link,
            status=status,
            lag=self._paces[link.name].measure(position, applied),
            wal=next(iter(retained_wal(slots)), None),
            lost=next(iter(lost_links([link], slots, self._broken)), None),
            still=self._standstills[link.name].seconds(position, applied),
        )

    def _beat(self) -> None:
        now = time.monotonic()
        if now >= self._beat_again:
            self._beat_again = now + BEAT_SECONDS
            for database in {link.database for link in self._following.links}:
                beat(self._following.view.source(database))

    def _complain(self, standing: Standing) -> None:
        """Say once what is out of order, and once that it is well again."""
        link, status = standing.link, standing.status
        self._tell_missing(link, status)
        self._tell_wal(link, standing.wal)
        key = f"{link.name}/trouble"
        if standing.lost is not None:
            why = f"{standing.lost.reason}; its {len(link.tables)} tables have to be copied anew"
            self._once(key, "slot lost", f"slot {link.name} of {link.database} is lost: {why}")
        elif status.state == "failed" or (status.error and self._lasts(key)):
            refused = self._refused(standing)
            if self._is_released(link):
                return
            mending = mending_command(self._journal, self._task, link, refused)
            self._troubles[link.name] = f"changes are not applied{refused}{mending}"
            self._once(key, "apply", f"{link.database}: {self._troubles[link.name]}")
            self._react(standing)
        elif standing.still > STALL_SECONDS and status.state != "stopped":
            self._explain(key, standing)
        elif not status.error:
            self._since.pop(key, None)
            self._errors.pop(link.name, None)
            self._troubles.pop(link.name, None)
            if self._said.pop(key, None):
                self._say("apply", f"{link.database}: changes are applied again")

    def _refused(self, standing: Standing) -> str:
        """Return where and why changes are not applied; a subscription does not say, so that its next transaction is
        tried."""
        link, status, view = standing.link, standing.status, self._following.view
        if status.table is not None:
            return f" at {status.table}: {status.error}"
        if not self._following.engine.needs_peer:
            # It applies by itself, and knows why it does not.
            return f": {status.error}"
        now = time.monotonic()
        if now >= self._try_again:
            self._try_again = now + TRIAL_SECONDS
            try:
                error = diagnose_apply_error(view.source(link.database), view.target(link.database), link)
            except psycopg.Error as fault:
                if reaction(fault) is Reaction.RETRY:
                    raise
                self._errors.pop(link.name, None)
                self._once(f"{link.name}/trial", "warning", f"the cause cannot be looked for: {describe(fault)}")
            else:
                self._errors[link.name] = error
                self._attempts[link.name] += 1
        found = self._errors.get(link.name)
        return f": {found.message}; {found.remedy}" if found else f": {status.error}"

    def _is_released(self, link: Link) -> bool:
        """Drop the foreign keys that a TRUNCATE cannot pass; tell whether it can be tried again without them."""
        found, view = self._errors.get(link.name), self._following.view
        if found is None or not found.keys:
            return False
        try:
            released = release(view.source(link.database), view.target(link.database), found.keys)
        except psycopg.Error as fault:
            if reaction(fault) is Reaction.RETRY:
                raise
            released = []
        for key in released:
            said = Deviation(database=link.database, object=key.label, message=RELEASED)
            self._journal.deviate(self._task, f"released {link.database} {key.label}", [said])
            self._say("apply", f"{link.database}: {key.label} is {RELEASED}")
        if released:
            self._errors.pop(link.name)
        return len(released) == len(found.keys)

    def _react(self, standing: Standing) -> None:
        """Do what the user's word makes of a change that is refused.

        Raises:
            TableRefused: its table is no longer to be followed.
            ApplyStopped: the task is to fail.
            UnreachableError: an engine that connects by itself could not for longer than `task.retry`.
        """
        link, status = standing.link, standing.status
        if status.state == "starting" and not self._following.engine.needs_peer:
            if standing.still > self._patience:
                raise UnreachableError(f"{link.database}: {status.error}")
            return
        found = self._errors.get(link.name)
        policy = self._policy
        if found is not None:
            policy = react(policy, found, self._attempts[link.name])
        elif status.table is None:
            policy = Policy.RETRY  # nobody knows yet what is refused
        table = found.table if found else status.table
        said = f"{found.message}; {found.remedy}" if found else f"{status.table or link.database}: {status.error}"
        refusal = Refusal(link=link, table=table, message=said)
        if policy is Policy.QUARANTINE and refusal.followed is not None:
            raise TableRefused(refusal)
        if policy is Policy.STOP or standing.still > self._patience:
            raise ApplyStopped(refusal)

    def _explain(self, key: str, standing: Standing) -> None:
        """Say once, for each cause, why a link stands still."""
        link, view = standing.link, self._following.view
        stall = diagnose_stall(view.source(link.database), view.target(link.database), link, seconds=standing.still)
        cause = f"stall {stall.source_wait} {stall.target_wait} {stall.blocker and stall.blocker.pid}"
        if self._said.get(key) != cause:
            self._said[key] = cause
            self._troubles[link.name] = stall.message
            self._say("stall", stall.message)

    def _tell_wal(self, link: Link, wal: RetainedWal | None) -> None:
        """Tell the WAL that a slot holds back: the figure changes with every look; the level is what is news."""
        key = f"{link.name}/wal"
        if wal is None:
            return  # the slot is lost, which is told as that
        before = self._said.get(key, Level.QUIET)
        if wal.level != before:
            self._said[key] = wal.level
            again = "" if wal.level is not Level.QUIET else ", which is no longer much"
            self._say("wal", f"{link.database}: {wal.message}{again}")

    def _tell_missing(self, link: Link, status: LinkStatus) -> None:
        """Name tables once of which the target lacked rows that it was to change or delete."""
        tables = sorted(key.removeprefix("missing ") for key in status.counts if key.startswith("missing "))
        for table in tables:
            text = f"{link.database}: rows of {table} that the source changed or deleted are not on the target"
            self._once(f"{link.name}/missing/{table}", "warning", text)

    def _lasts(self, key: str) -> bool:
        """Tell whether a trouble has lasted: a worker that just starts is none."""
        return time.monotonic() - self._since.setdefault(key, time.monotonic()) > PATIENCE_SECONDS

    def _once(self, key: str, kind: str, text: str) -> None:
        if self._said.get(key) != text:
            self._said[key] = text
            self._say(kind, text)

    def _save(self, standings: Sequence[Standing]) -> None:
        at = datetime.now(UTC).isoformat(timespec="seconds")
        # What was made of an error, with table, key and remedy, is better than the engine's word for it.
        links = [{**each.as_data(), "trouble": self._troubles.get(each.link.name)} for each in standings]
        self._journal.set_summary(self._task, sync={"at": at, "links": links})

    def _bear(self, error: psycopg.Error, seconds: float) -> None:
        now = time.monotonic()
        self._faults_since = self._faults_since or now
        if reaction(error) is not Reaction.RETRY or now - self._faults_since > seconds:
            raise error
        self._once("fault", "retry", f"a server does not answer: {describe(error)}; trying again")


def lag_text(standings: Sequence[Standing]) -> str:
    """Return how far behind the target is, for people."""
    if not standings:
        return "syncing: no table is followed"
    behind = max(each.lag.bytes for each in standings)
    seconds = max(each.lag.seconds for each in standings)
    # Where this run has not seen yet what is applied, what is behind was written before it began.
    least = "at least " if any(each.lag.is_at_least for each in standings) else ""
    return f"syncing: {behind:,} bytes and {least}{seconds:.0f} s behind" if behind else NOTHING_LEFT
