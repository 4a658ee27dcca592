"""From the first change that is followed to the cutover: syncing, and completion when it is asked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import partial
from typing import Any, Final, NoReturn, Protocol

import psycopg

from dtsrun.engine.completing import Completing
from dtsrun.engine.control import Control
from dtsrun.engine.ends import Ends
from dtsrun.engine.following import Following
from dtsrun.engine.prepare import snapshots_of
from dtsrun.engine.refusals import ApplyStopped, TableRefused, quarantine
from dtsrun.engine.repairing import PlanChanged, plan_anew, plan_copies
from dtsrun.engine.snapshots import Snapshots
from dtsrun.engine.syncing import LinksLost, Syncing
from dtsrun.engine.walk import OutOfTime
from dtsrun.engine.watching import Say, Watching
from dtsrun.errors import CalledOff, DtsrunError, Interrupted
from dtsrun.journal import Journal, Request
from dtsrun.plan import with_defaults
from dtsrun.postgres.sqlstate import Reaction, describe, reaction

TICK_SECONDS: Final = 0.25

PHASES: Final = {"complete": "aligning", "verify": "verifying"}
"""The stages that completion walks, with their phases: first what changes do not carry, then both ends compared."""


def _untold(_: str) -> None:
    """Nobody asked who waits for news."""


class WalkStage(Protocol):
    """Walks one stage of the plan in given snapshots; returns what went wrong, None where nothing did. Raises OutOfTime
    at the deadline."""

    def __call__(self, stage: str, snapshots: Snapshots, deadline: float) -> DtsrunError | None: ...


class Cutover:
    """Looks on while changes flow, and completes the task when that is asked for."""

    def __init__(
        self,
        ends: Ends,
        following: Following,
        journal: Journal,
        control: Control,
        *,
        say: Say,
        walk_stage: WalkStage,
    ) -> None:
        self._ends = ends
        self._following = following
        self._journal = journal
        self._control = control
        self._say = say
        self._walk_stage = walk_stage
        self._task = ends.spec.task.name

    @property
    def is_removing(self) -> bool:
        """Whether an earlier run proved that all is there and had begun to take the links away."""
        return self._begun().get("phase") == "removing"

    def run(self) -> None:
        """Look on until the task is complete.

        Raises:
            Interrupted: a pause, or the end of the task, is asked for; the links stand still.
            LinksLost: a slot is lost: its tables have to be copied anew.
            PlanChanged: tables are to be copied, or no longer to be followed: the plan says so by now.
            ApplyStopped: the target refuses a change, and the user's word is to fail.
            psycopg.Error: a server was out of reach for longer than `task.retry` allows.
        """
        view = self._following.view
        watching = Watching(self._ends, self._journal, self._say, source=view.source, target=view.target)
        syncing = Syncing(self._following, self._journal, self._task, self._say, watching)
        self._go_on_repairing(watching)
        begun = self._begun()
        if begun or self._goes_on_by_itself():
            unasked = Request(id=0, task=self._task, what="complete", arguments=begun.get("arguments", {}))
            if self._complete(syncing, unasked):
                return
        while True:
            self._journal.set_state(self._task, "syncing")
            try:
                request = syncing.until(self._control, faults=self._ends.spec.task.retry_for)
            except TableRefused as refused:
                self._quarantine(refused)
            if request.what == "repair":
                self._repair(watching, request)
                continue
            if request.what != "complete":
                self._control.end_by(request)
                self._following.stop()
                raise Interrupted("the task was stopped", hint="run the same command again to continue")
            if self._complete(syncing, request):
                return

    def _quarantine(self, refused: TableRefused) -> NoReturn:
        quarantine(self._journal, self._task, self._say, refused.refusal)
        raise PlanChanged from refused

    def _repair(self, watching: Watching, request: Request, *, is_begun: bool = False) -> None:
        """Mend what has drifted. Raises PlanChanged where that takes copies, or tables have other names then.

        Args:
            is_begun: whether an earlier runner began it, and may have mended what is told as mended.
        """
        self._control.answer(request, "accepted", "repairing")
        drifts = list(request.arguments.get("drifts", ()))
        if request.arguments.get("accept"):
            accepted = watching.accept(drifts)
            self._answer_repair(request, accepted.done, accepted.failed)
            return
        self._remember({"drifts": drifts, "request": request.id})
        try:
            repaired = watching.repair(drifts)
            for line in repaired.failed:
                self._say("repair", f"not mended: {line}")
            if repaired.to_copy:
                plan_copies(self._ends, self._following, self._journal, repaired.to_copy)
            # Where nothing has drifted, an earlier repair may have got no further than the definitions.
            may_differ = repaired.has_ddl or is_begun or not (repaired.done or repaired.failed)
            is_other = not repaired.to_copy and may_differ and plan_anew(self._ends, self._journal)
        except (psycopg.Error, DtsrunError) as error:
            self._remember(None)
            self._control.answer(request, "failed", _words(error))
            return
        if not (repaired.to_copy or is_other):
            self._remember(None)
            self._answer_repair(request, repaired.done, repaired.failed)
            return
        copying = [told.number for told in repaired.to_copy]
        self._remember({"copying": copying, "done": repaired.done, "failed": repaired.failed, "request": request.id})
        if not copying:
            raise PlanChanged
        objects = ", ".join(dict.fromkeys(told.drift.object for told in repaired.to_copy))
        self._say("repair", f"to be copied and followed from there: {objects}")
        self._control.answer(request, "accepted", f"copying {objects}")
        raise PlanChanged

    def _go_on_repairing(self, watching: Watching) -> None:
        """Finish a repair: its copies are made by now, or an earlier runner was killed while it began."""
        known = self._journal.task(self._task)
        repairing = (known.summary.get("repairing") if known else None) or {}
        request = Request(id=repairing.get("request", 0), task=self._task, what="repair", arguments=repairing)
        if "copying" in repairing:
            done = [*repairing["done"], *watching.mended(repairing["copying"])]
            self._remember(None)
            # Who has the answer may ask for more.
            self._journal.set_state(self._task, "syncing")
            self._answer_repair(request, done, repairing["failed"])
        elif repairing:
            self._repair(watching, request, is_begun=True)

    def _answer_repair(self, request: Request, done: Sequence[str], failed: Sequence[str]) -> None:
        said = "\n".join((*done, *failed)) or "nothing has drifted"
        self._control.answer(request, "failed" if failed else "done", said)

    def _remember(self, repairing: Mapping[str, Any] | None) -> None:
        self._journal.set_summary(self._task, repairing=repairing)

    def remove(self) -> None:
        """Take away all that following made."""
        self._completing({}).remove()

    def _complete(self, syncing: Syncing, request: Request) -> bool:
        """Complete the task; False where that was called off and changes are followed on."""
        self._journal.set_state(self._task, "completing")
        self._control.answer(request, "accepted", "completion begins")
        try:
            completing = self._completing(request.arguments, partial(self._control.answer, request, "accepted"))
        except CalledOff as error:
            self._control.answer(request, "failed", _words(error))
            return False
        try:
            self._until_gated(completing, syncing)
            completing.fence()
            completing.drain_and_prove()
            self._align_and_verify(completing)
            completing.prove_again()
        except LinksLost:
            completing.forget()
            self._control.answer(request, "failed", "a slot is lost: its tables are copied anew; ask again after that")
            raise
        except (TableRefused, ApplyStopped) as refused:
            completing.call_off()
            self._control.answer(request, "failed", f"completion was called off: {refused}")
            if isinstance(refused, TableRefused):
                self._quarantine(refused)
            raise
        except Interrupted:
            completing.call_off()
            self._following.stop()
            self._control.answer(request, "failed", "the task was stopped before it was complete")
            raise
        except (DtsrunError, psycopg.Error) as error:
            completing.call_off()
            words = f"completion was called off, changes are followed on: {_words(error)}"
            self._say("called off", words)
            self._control.answer(request, "failed", words)
            return False
        completing.remove()
        self._control.answer(request, "done", "\n".join(("the task is complete", *completing.residual)))
        return True

    def _until_gated(self, completing: Completing, syncing: Syncing) -> None:
        """Wait until nothing is left to apply, look for drift once more, and make the gates.

        Nothing was done to the source yet: a server that does not answer, or a session that broke unseen, is borne as
        it is while changes are followed.
        """
        until = time.monotonic() + self._ends.spec.task.retry_for
        while True:
            try:
                completing.until_still(syncing.look)
                syncing.watching.look(self._following.links, self._following.moved.names, at_once=True)
                completing.gate()
            except psycopg.Error as error:
                if reaction(error) is not Reaction.RETRY or time.monotonic() > until:
                    raise
                self._say("retry", f"a server does not answer: {describe(error)}; trying again")
                time.sleep(TICK_SECONDS)
            else:
                return

    def _align_and_verify(self, completing: Completing) -> None:
        """Walk what is left for the end, in a snapshot of its own. Raises CalledOff."""
        # What an earlier completion found was mended since, or is found again.
        self._journal.forget_results(self._task, PHASES)
        with closing(snapshots_of(self._ends, lambda _: 1)) as snapshots:
            for stage, phase in PHASES.items():
                completing.begin(phase)
                try:
                    error = self._walk_stage(stage, snapshots, completing.deadline)
                except OutOfTime as late:
                    raise completing.out_of_time(late.message) from late
                if error is not None:
                    completing.prove_again()  # a late writer explains differences better than they do themselves
                    raise CalledOff(error.message, hint=error.hint) from error

    def _completing(self, arguments: Mapping[str, Any], tell: Callable[[str], None] = _untold) -> Completing:
        return Completing(
            self._ends,
            self._following,
            self._journal,
            self._say,
            arguments=arguments,
            tell=tell,
            is_stopping=self._control.wants_end,
        )

    def _goes_on_by_itself(self) -> bool:
        stage = self._ends.registry.get("stage.complete")
        return bool(with_defaults(stage, self._ends.spec.stages.get("complete", {}))["when"] == "caught_up")

    def _begun(self) -> Mapping[str, Any]:
        """Return how far an earlier run came with completion; empty where it did not begin."""
        known = self._journal.task(self._task)
        return (known.summary.get("completing") if known else None) or {}


def _words(error: DtsrunError | psycopg.Error) -> str:
    if isinstance(error, psycopg.Error):
        return describe(error)
    return f"{error.message}; {error.hint}" if error.hint else error.message
