"""Completion of a task that follows changes, phase by phase.

    waiting   until the lag is zero
    gating    what has to be right before anybody is kept from the source (`dtsrun.engine.gating`)
    fencing   the source, where that is asked for
    draining  until the target has applied all that was committed before the fence
    proving   that no commit lies beyond: the links stand still, their slots are looked into
    aligning  what changes do not carry: sequences, materialized views, unlogged tables, large objects
    verifying both ends
    removing  links, slots, publications, identities, marks

What goes wrong before `removing` calls it off: the fence is put back, the links go on, the task is syncing again, and
the message says what stood in the way. A runner that is killed on the way continues: each phase can be repeated, and
`removing`, once begun, goes on to its end.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg

from dtsrun.api import Alignment, CheckResult
from dtsrun.completion.drain import drain, fence_position
from dtsrun.completion.fence import WHAT, Fence, Fenced, FenceMode
from dtsrun.completion.proof import Proof, prove
from dtsrun.completion.sessions import Exempt, Prepared, prepared_transactions, sessions
from dtsrun.engine.checks import blocking
from dtsrun.engine.ends import Ends
from dtsrun.engine.following import Following
from dtsrun.engine.gating import Known, drift_findings, gate_texts, last_verified, make_gates, open_steps, pass_gates
from dtsrun.engine.policy import Policy
from dtsrun.engine.prepare import Preparation
from dtsrun.engine.syncing import Standing
from dtsrun.engine.undo import undo
from dtsrun.errors import CalledOff, DtsrunError, Interrupted, MigrationError
from dtsrun.journal import Journal
from dtsrun.plan import with_defaults
from dtsrun.postgres.sqlstate import Reaction, describe, reaction
from dtsrun.sequence_margin import remember_writers
from dtsrun.spec.quantities import parse_duration

TICK_SECONDS: Final = 0.2
MOST_ROUNDS: Final = 5
"""How often a late writer, or a lag that comes and goes, is waited for before completion is called off."""

MOST_NAMED: Final = 3
"""Of those who may have written, that a message names."""

Say = Callable[[str, str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """On what terms a task is completed: the stage's options, and over them what the user says when asking."""

    fence: Fence = field(default_factory=Fence)
    timeout: float = 600.0
    """Seconds from the beginning until it is called off."""
    still: float = 2.0
    """Seconds for which the lag has to be zero."""
    force: bool = False
    """Whether gates that may be overruled are."""

    @staticmethod
    def of(ends: Ends, arguments: Mapping[str, Any]) -> Terms:
        """Read them. Raises CalledOff where the user asked for what there is not."""
        given = {
            **ends.spec.stages.get("complete", {}),
            **{k: v for k, v in arguments.items() if v is not None and k != "force"},
        }
        options = with_defaults(ends.registry.get("stage.complete"), given)
        given_exempt = options["exempt"]
        exempt = Exempt(
            roles=tuple(given_exempt.get("roles", ())), applications=tuple(given_exempt.get("applications", ()))
        )
        try:
            return Terms(
                fence=Fence(mode=FenceMode(options["fence"]), exempt=exempt),
                timeout=_seconds(options["timeout"]),
                still=_seconds(options["still"]),
                force=bool(arguments.get("force")),
            )
        except ValueError as error:
            modes = ", ".join(FenceMode)
            raise CalledOff(
                f"completion was asked for on terms that there are not: {error}", hint=f"fence: {modes}"
            ) from error


class Completing:
    """One completion, up to the walks that the run makes itself."""

    def __init__(
        self,
        ends: Ends,
        following: Following,
        journal: Journal,
        say: Say,
        *,
        arguments: Mapping[str, Any],
        tell: Callable[[str], None],
        is_stopping: Callable[[], bool],
    ) -> None:
        """Prepare a completion; nothing is done yet.

        Args:
            arguments: what the user said when asking, over the options of the stage.
            tell: takes news for whoever asked.
            is_stopping: whether a pause, or the end of the task, is asked for.
        """
        self._ends = ends
        self._is_stopping = is_stopping
        self._tell = tell
        self._arguments = dict(arguments)
        self._following = following
        self._journal = journal
        self._task = ends.spec.task.name
        self._say = say
        self._terms = Terms.of(ends, arguments)
        self.deadline = time.monotonic() + self._terms.timeout
        """When it is called off, by the clock of `time.monotonic`, unless it is in its last phase by then."""
        following.view.deadline = self.deadline
        self._spent: defaultdict[str, float] = defaultdict(float)
        """Seconds by phase, of those that are over."""
        self._phase = ("", time.monotonic())
        """The present one, and since when."""
        self._databases = sorted({link.database for link in following.links})
        self._fenced = Fenced(mode=FenceMode.NONE)
        self._accepted: Sequence[Prepared] = ()
        """Prepared transactions that were there when the gates were made, and that those let pass."""

    @property
    def residual(self) -> list[str]:
        """Who can still write to the source in spite of the fence, a sentence each."""
        return [f"can still write to {each.database}: {each.who}, {each.why}" for each in self._fenced.residual]

    def begin(self, phase: str) -> None:
        """Begin a phase, from which on a runner that comes after this one knows what to do."""
        self._turn_to(phase)
        self._tell(f"completing: {phase}")
        self._journal.set_summary(self._task, completing={"phase": phase, "arguments": self._arguments})
        self._journal.event(self._task, "completing", f"completing: {phase}")

    def out_of_time(self, why: str) -> CalledOff:
        """Return the error of a completion that took too long: how long in which phase, and what it waited for."""
        self._turn_to("")
        spent = ", ".join(
            f"{phase} {seconds:.0f} s" for phase, seconds in self._spent.items() if seconds >= TICK_SECONDS
        )
        return CalledOff(
            f"completion took longer than {self._terms.timeout:.0f} s ({spent}): {why}",
            hint="the fence is put back and changes are followed on; --timeout says how long it may take",
        )

    def _turn_to(self, phase: str) -> None:
        now, (before, since) = time.monotonic(), self._phase
        if before:
            self._spent[before] += now - since
        self._phase = (phase, now)

    def until_still(self, look: Callable[[], Sequence[Standing]]) -> None:
        """Wait until nothing has been left to apply for some seconds. Raises CalledOff."""
        self.begin("waiting")
        since = None
        while since is None or time.monotonic() - since < self._terms.still:
            standings = look()
            behind = [each for each in standings if not each.lag.is_zero]
            since = None if behind else since or time.monotonic()
            self._in_time(_behind_text(behind) or "the lag does not stay at zero")
            time.sleep(TICK_SECONDS)

    def gate(self) -> None:
        """Make the gates, and remember what came of them. Raises CalledOff where one stays shut."""
        self.begin("gating")
        self._accepted = self._prepared()
        for _ in range(MOST_ROUNDS):
            results = self._gates()
            # Where the application goes on writing, a link is behind for a moment now and then.
            if self._terms.force or [r.check for r in blocking(results)] != ["gate.lag"]:
                break
            self._in_time("the lag does not stay at zero")
        self._journal.set_summary(self._task, gates=[_gate_data(result) for result in results])
        pass_gates(results, Policy.of(self._ends.spec), self._say, force=self._terms.force)
        self._in_time("the gates took long")

    def _gates(self) -> list[CheckResult]:
        mode = with_defaults(self._ends.registry.get("stage.verify"), self._ends.spec.stages.get("verify", {}))["mode"]
        known = Known(
            databases=frozenset(self._following.moved.names),
            links=self._following.links,
            statuses=self._following.statuses,
            fence=self._terms.fence.mode.value,
            open_steps=open_steps(self._journal, self._task),
            drifts=drift_findings(self._journal, self._task),
            verified=last_verified(self._journal, self._task),
            will_verify=mode != "none",
        )
        return make_gates(Preparation(self._ends), known)

    def fence(self) -> None:
        """Raise the fence, and name who can still write. Raises CalledOff where others would have to raise it."""
        self.begin("fencing")
        databases = self._to_fence()
        if not databases:
            return
        source = self._following.view.source(databases[0])
        self._fenced = self._terms.fence.raise_around(source, databases, self._following.view.created)
        for database in databases:
            may_go_on = self._fenced.mode is FenceMode.NONE and bool(self._fenced.residual)
            remember_writers(self._following.view.target(database), self._task, may_go_on=may_go_on)
        for session in self._fenced.ended:
            self._say("fence", f"ended a session on the source: {session.told}")
        for told in self.residual:
            self._say("residual", told)
        self._refuse_prepared()
        if self._fenced.to_run:
            statements = "; ".join(self._fenced.to_run)
            raise CalledOff("the account may not raise the fence on the source", hint=f"run there: {statements}")

    def _to_fence(self) -> Sequence[str]:
        return self._following.moved.to_fence(self._databases, self._following.view.source)

    def _prepared(self) -> Sequence[Prepared]:
        databases = self._to_fence()
        return prepared_transactions(self._following.view.source(databases[0]), databases) if databases else ()

    def _refuse_prepared(self) -> None:
        """Raise CalledOff where a transaction was prepared since the gates were made: no fence ends it, and no proof
        sees it before it is committed."""
        new = [] if self._terms.force else [each for each in self._prepared() if each not in self._accepted]
        if new:
            raise CalledOff(
                f"transaction {new[0].name!r} of {new[0].role} on {new[0].database} was prepared meanwhile",
                hint="commit it or roll it back on the source, then complete again",
            )

    def drain_and_prove(self) -> None:
        """Let the target apply all, stop the links, and look into their slots. Raises CalledOff."""
        late: list[Proof] = []
        for number in range(MOST_ROUNDS):
            self.begin("draining")
            self._drain()
            self.begin("proving")
            late = self._late()
            if not late:
                return
            self._say("late", f"somebody wrote meanwhile: {_late_text(late)}")
            self._following.start()
            time.sleep(min(2.0**number * TICK_SECONDS, 2.0))
        raise CalledOff(f"somebody still writes to the source: {_late_text(late)}", hint=self._writers_hint())

    def prove_again(self) -> None:
        """Look once more, at the very end. Raises CalledOff."""
        self._refuse_prepared()
        if late := self._late():
            raise CalledOff(f"somebody wrote to the source meanwhile: {_late_text(late)}", hint=self._writers_hint())

    def call_off(self) -> None:
        """Put the fence back and let the links go on.

        Nobody can write to the source until it is back: a server that does not answer is waited for.
        """
        self._following.view.deadline = None
        until = time.monotonic() + self._ends.spec.task.retry_for
        is_told = False
        while (fault := self._give_back()) is not None:
            if time.monotonic() > until or self._is_stopping():
                raise fault
            if not is_told:
                self._say("retry", f"{fault.message}; trying again")
                is_told = True
            time.sleep(TICK_SECONDS)
        self._journal.set_summary(self._task, completing=None)

    def _give_back(self) -> MigrationError | None:
        """Return why all is not as it was before, where time may heal that. Raises MigrationError, psycopg.Error."""
        if (fault := self._take_fence_down()) is not None:
            return fault
        try:
            self._following.start()
        except psycopg.Error as error:
            if reaction(error) is not Reaction.RETRY:
                raise
            fault = MigrationError(f"the links cannot go on: {describe(error)}")
            fault.__cause__ = error
            return fault
        return None

    def _take_fence_down(self) -> MigrationError | None:
        """Return why it is not down yet, where time may heal that. Raises MigrationError."""
        try:
            undo(self._ends, self._journal, self._task, self._say, only=(WHAT,))
        except MigrationError as error:
            if error.__cause__ is None or reaction(error.__cause__) is not Reaction.RETRY:
                raise
            return error
        return None

    def forget(self) -> None:
        """Let a completion go of which nothing was done yet."""
        self._following.view.deadline = None
        self._journal.set_summary(self._task, completing=None)

    def remove(self) -> None:
        """Take away all that following made; the fence stays, for the old source must not be written to any more."""
        self.begin("removing")
        self._following.view.deadline = None
        given_back = [
            Alignment(database=made.database, object=f"TABLE {made.name}", message=f"{made.side}: {made.undo}")
            for made in self._journal.creations(self._task)
            if made.what == "replica identity" and made.undo is not None
        ]
        if given_back:  # none where a runner that was killed had given them back already
            self._journal.align(self._task, "replica identities given back", given_back)
        self._following.remove()

    def _drain(self) -> None:
        for database in self._databases:
            self._drain_one(database)

    def _drain_one(self, database: str) -> None:
        view, engine = self._following.view, self._following.engine
        links = [link for link in self._following.links if link.database == database]
        drained = drain(
            lambda: [engine.status(view, link) for link in links],
            fence_position(view.source(database)),
            timeout=max(0.0, self.deadline - time.monotonic()),
            progress=self._in_time,
        )
        if not drained.is_complete:
            raise CalledOff(f"not all changes are applied: {drained.behind[0]}")

    def _late(self) -> list[Proof]:
        """Stop the links and return the proofs that do not hold."""
        view, engine = self._following.view, self._following.engine
        try:
            self._following.stop()
        except DtsrunError as error:
            self._in_time(error.message)
            raise
        # A slot that was made anew proves nothing: what it never held is not in it.
        for name, why in self._following.broken().items():
            raise CalledOff(f"slot {name} is lost: {why}", hint="its tables are copied anew; ask again after that")
        applied = {link.name: engine.status(view, link).applied or 0 for link in self._following.links}
        proofs = [prove(view.source(link.database), link, applied[link.name]) for link in self._following.links]
        return [proof for proof in proofs if not proof.holds]

    def _writers_hint(self) -> str:
        fence = (
            "stop the applications" if self._fenced.mode is not FenceMode.NONE else "stop the applications, or fence"
        )
        named = [f"{each.who}, {each.why}" for each in self._fenced.residual] or self._connected()
        more = f", and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else ""
        return f"{fence}; {'; '.join(named[:MOST_NAMED])}{more}" if named else fence

    def _connected(self) -> list[str]:
        """Return who is connected by now: whoever came after the fence may have asked for a transaction that writes."""
        if not self._databases:
            return []
        there = sessions(self._following.view.source(self._databases[0]), self._databases)
        return [f"connected by now: {each.told}" for each in there if not each.is_ours]

    def _in_time(self, why: str) -> None:
        if self._is_stopping():
            raise Interrupted("the task was stopped", hint="run the same command again to continue")
        if time.monotonic() > self.deadline:
            raise self.out_of_time(why)


def _seconds(given: str | float) -> float:
    """Return a duration of the spec, or one that another terminal has read already."""
    return float(given) if isinstance(given, float) else parse_duration(given)


def _gate_data(result: CheckResult) -> Mapping[str, Any]:
    """Return what every face may show of a gate."""
    return {"gate": result.check, "outcome": str(result.outcome), "said": gate_texts(result), "reason": result.reason}


def _behind_text(standings: Sequence[Standing]) -> str:
    if not standings:
        return ""
    worst = max(standings, key=lambda each: each.lag.bytes)
    return f"{worst.link.database} is {worst.lag.bytes:,} bytes and {worst.lag.seconds:.0f} s behind"


def _late_text(proofs: Sequence[Proof]) -> str:
    """Return the table that was written to most, and how many others were."""
    writes = sorted((each for proof in proofs for each in proof.late), key=lambda each: -sum(each.counts.values()))
    more = f"; and {len(writes) - 1} more tables" if writes[1:] else ""
    return f"{writes[0].told}{more}"
