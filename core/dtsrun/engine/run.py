"""One run of a task: what comes before the work, the work, and its end.

    creating -> checking -> check_failed | check_passed -> running -> succeeded | failed | paused
                                                                   -> syncing -> completing -> succeeded

The work itself is the business of `dtsrun.engine.execution`. What only some runs need (following, live comparison) is
imported when it is needed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from dtsrun import marks
from dtsrun.api import CheckResult, Inventory, MigrationType, Spec
from dtsrun.engine.control import Control
from dtsrun.engine.ends import SIDES, Ends, open_ends, task_folder
from dtsrun.engine.execution import Execution, PlanOutdated, Work
from dtsrun.engine.face import Confirm, Ended, Listener, RunOptions
from dtsrun.engine.lock import lock_on_target
from dtsrun.engine.policy import ties_of
from dtsrun.engine.prechecking import changed_since, describe, make_checks, other_policy, save_checks, verdict
from dtsrun.engine.prepare import Preparation, first_epochs, read_marks, snapshots_of, without_lost_databases
from dtsrun.engine.signature import left_by_a_lost_journal, sign
from dtsrun.engine.snapshots import Snapshots
from dtsrun.engine.states import FINISHED, RESUMABLE
from dtsrun.engine.tidy import start_over
from dtsrun.errors import DtsrunError, MigrationError, SpecError
from dtsrun.journal import Journal, TaskRecord
from dtsrun.plan import Plan
from dtsrun.postgres.session import runner_name
from dtsrun.registry import Registry
from dtsrun.task_log import configure_task_log

if TYPE_CHECKING:
    from dtsrun.engine.following import Following
    from dtsrun.incremental.identities import Decision


class Run:
    """One run of a task."""

    def __init__(
        self,
        spec: Spec,
        registry: Registry,
        journal: Journal,
        options: RunOptions,
        listener: Listener,
        confirm: Confirm,
        *,
        name: str | None = None,
    ) -> None:
        """Args: name: what the run is called in the journal, if not by the task's own name."""
        self._spec = spec
        self._registry = registry
        self._journal = journal
        self._options = options
        self._listener = listener
        self._confirm = confirm
        self._name = name or spec.task.name
        self._control = Control(journal, self._name)

    def run(self, known: TaskRecord | None) -> Ended:
        """Check, then migrate; or continue."""
        self._refuse_changed_spec(known)
        fresh = known is None or known.state in FINISHED or self._options.restart
        with self._recording(), open_ends(self._spec, self._registry) as ends, self._alone(ends):
            if known is not None and fresh:
                self._forget(ends, known)
            task = self._begin()
            resumed = not fresh and task.state in RESUMABLE and self._journal.plan(self._name) is not None
            return self._continue(ends) if resumed else self._start(ends)

    def check(self, known: TaskRecord | None) -> Ended | None:
        """Make the checks of a run that is to start later; return how it ended where they stand in its way."""
        self._refuse_changed_spec(known)
        with self._recording(), open_ends(self._spec, self._registry) as ends, self._alone(ends):
            if known is not None and (known.state in FINISHED or self._options.restart):
                self._forget(ends, known)
            self._begin()
            self._journal.set_summary(self._name, **describe(ends))
            checks = self._check(Preparation(ends))
            return checks if isinstance(checks, Ended) else None

    def verify(self, followed: Plan | None = None) -> Ended:
        """Compare both ends.

        Args:
            followed: the plan of the task where its changes are followed by now: rows are compared live.
        """
        with self._recording(), open_ends(self._spec, self._registry) as ends:
            self._begin()
            # What is seen live is the source as it is.
            snapshots = snapshots_of(ends, lambda _: 1, stages=None if followed is None else frozenset())
            try:
                preparation = Preparation(ends, snapshots if followed is None else None, is_begun=followed is not None)
                plan = preparation.plan().only("verify")
                if followed is not None:
                    from dtsrun.engine.live_plan import slots_of_tables

                    plan = self._live(plan, followed, slots_of_tables(ends, followed))
                self._save(plan, preparation.inventory, ends)
                return self._carry_out(Work(ends=ends, plan=plan, snapshots=snapshots))
            finally:
                snapshots.close()

    def _live(self, plan: Plan, followed: Plan, slots: Mapping[tuple[str, int], str]) -> Plan:
        from dtsrun.engine.live_plan import live_plan

        databases = {step.database for step in followed.steps.values()}
        live = live_plan(plan, slots, self._journal.deviations(self._spec.task.name), databases)
        if live.left_out:
            self._say("verify", f"left to completion, and not compared: {', '.join(sorted(live.left_out))}")
        return live.plan

    # --- before the work ---------------------------------------------------------------------------------------

    def _refuse_changed_spec(self, known: TaskRecord | None) -> None:
        if known is None or self._options.restart or known.state in FINISHED:
            return
        if known.digest != self._spec.digest and known.state in RESUMABLE:
            raise SpecError(
                f"the spec has changed since task {self._name} began, and it is not finished",
                where=str(self._spec.path),
                hint="put the spec back, or start over with --restart, or give the new spec another task.name",
            )

    def _begin(self) -> TaskRecord:
        task = self._journal.begin_task(
            self._name,
            spec_path=self._spec.path.resolve(),
            digest=self._spec.digest,
            migration_type=self._spec.migration_type.value,
            runner=runner_name(),
        )
        self._control.begin()
        for warning in self._spec.warnings:
            self._say("warning", warning)
        return task

    def _forget(self, ends: Ends, known: TaskRecord) -> None:
        if known.state not in FINISHED:
            start_over(ends, self._journal, self._say)
        self._journal.forget_task(self._name)

    def _start(self, ends: Ends) -> Ended:
        with ExitStack() as stack:
            # Changes are followed from a slot on, and a slot is made when the checks have passed.
            snapshots = None if self._follows else stack.enter_context(closing(snapshots_of(ends, lambda _: 1)))
            preparation = Preparation(ends, snapshots)
            with preparation.reading_ahead():
                found = self._left_by_a_lost_journal(preparation)
                checks = [] if found else self._check(preparation)
            if isinstance(checks, Ended):
                return checks
            following = None
            if snapshots is None:
                from dtsrun.engine.epochs import begin_epochs

                following = stack.enter_context(closing(self._following(ends, preparation.decisions)))
                preparation, snapshots = begin_epochs(preparation, following, self._say)
                stack.enter_context(closing(snapshots))
            plan = preparation.plan()
            self._save(plan, preparation.inventory, ends)
            if found:
                found = without_lost_databases(found, plan, self._spec, preparation.target_databases())
                # What was copied before is of other snapshots, and has to be told apart.
                snapshots.number_from(first_epochs(found, {key: step.database for key, step in plan.steps.items()}))
            sign(ends)
            work = Work(ends=ends, plan=plan, snapshots=snapshots, found=found, checks=checks, following=following)
            del preparation  # both ends' definitions: of thousands of tables they are larger than the plan
            return self._carry_out(work)

    def _left_by_a_lost_journal(self, preparation: Preparation) -> Mapping[str, marks.Mark]:
        found = left_by_a_lost_journal(preparation)
        if found and self._follows:
            raise MigrationError(
                f"the target holds the unfinished work of task {self._name}, whose journal is not here",
                hint="changes can be followed on only with that journal: run it where that is, or drop schema _dtsrun"
                " and what was moved, and start over",
            )
        if found:
            self._say("resume", "the journal of this task is not here; the target remembers what is done")
        return found

    def _continue(self, ends: Ends) -> Ended:
        data = self._journal.plan(self._name)
        assert data is not None
        plan = Plan.from_data(data)
        databases = {key: step.database for key, step in plan.steps.items()}
        names = sorted({name for name in databases.values() if name is not None})
        exist = Preparation(ends).target_databases()
        found = without_lost_databases(read_marks(ends, names, exist), plan, self._spec, exist)
        epochs = first_epochs(found, databases)
        done = sum(mark.done and key in plan.steps for key, mark in found.items())
        self._say("resume", f"continuing: {done} of {len(plan.steps)} steps are done")
        self._say_if("checked", other_policy(self._journal.task(self._name), self._spec))
        with ExitStack() as stack:
            following = None
            if self._follows:
                from dtsrun.engine.epochs import READING, with_lost_tables
                from dtsrun.engine.following import planned_tables

                following = stack.enter_context(closing(self._following(ends, planned_tables(plan))))
                plan = with_lost_tables(plan, following, epochs, self._journal, self._say)
                snapshots = Snapshots(following.begin_epoch, lambda name: epochs.get(name, 1), stages=READING)
            else:
                snapshots = snapshots_of(ends, lambda name: epochs.get(name, 1))
            stack.enter_context(closing(snapshots))
            checks = self._journal.findings(self._name)
            work = Work(ends=ends, plan=plan, snapshots=snapshots, found=found, checks=checks, following=following)
            return self._carry_out(work)

    # --- following ---------------------------------------------------------------------------------------------

    @property
    def _follows(self) -> bool:
        return self._spec.migration_type is MigrationType.FULL_INCREMENTAL

    def _following(self, ends: Ends, tables_of: Callable[[str], Sequence[Decision]]) -> Following:
        from dtsrun.engine.following import Following

        return Following(ends, self._journal, tables_of=tables_of, say=self._say, is_stopping=self._control.wants_end)

    def _check(self, preparation: Preparation) -> list[CheckResult] | Ended:
        self._journal.set_state(self._name, "checking")
        results = make_checks(preparation, self._options, self._listener)
        # Checks that need the inventory cannot say better than its own error why they could not be made.
        _ = preparation.inventory
        ties = ties_of(self._spec, preparation.known_inventory)
        self._say_if("checked", changed_since(self._journal.task(self._name), ties))
        save_checks(self._journal, self._name, results, ties)
        error = verdict(self._spec, results, self._confirm)
        self._journal.set_state(self._name, "check_failed" if error else "check_passed")
        if error:
            return Ended(self._name, self._journal.home, checks=results, error=error)
        return results

    # --- the work ----------------------------------------------------------------------------------------------

    def _save(self, plan: Plan, inventory: Inventory, ends: Ends) -> None:
        self._journal.save_plan(self._name, (plan.steps[key] for key in plan.order), plan.records())
        folder = task_folder(self._journal.home, self._name)
        self._journal.set_summary(
            self._name,
            **describe(ends),
            objects=_count_objects(inventory),
            left_out=list(inventory.left_out),
            verify_mode=self._spec.stages.get("verify", {}).get("mode", "full"),
            notes=[note for side in SIDES for note in ends.routes[side].notes],
            paths={name: str(folder / f"report.{name}") for name in ("html", "json")}
            | {"log": str(folder / "log.jsonl")},
        )

    def _carry_out(self, work: Work) -> Ended:
        with suppress(PlanOutdated):
            return Execution(work, self._name, self._journal, self._listener, self._control, self._say).carry_out()
        # As a run that finds it so at its start: what is lost is copied anew, and all is followed again.
        return self._continue(work.ends)

    # --- small things ------------------------------------------------------------------------------------------

    @contextmanager
    def _recording(self) -> Iterator[None]:
        """Let an error that ends the run leave its trace in the journal."""
        with configure_task_log(task_folder(self._journal.home, self._name) / "log.jsonl"):
            try:
                yield
            except DtsrunError as error:
                if self._journal.task(self._name) is not None:
                    self._journal.event(self._name, "error", str(error))
                raise

    @contextmanager
    def _alone(self, ends: Ends) -> Iterator[None]:
        with ends.connect("target", None, f"{self._name} {runner_name()}") as connection:
            lock_on_target(connection, self._name)
            yield

    def _say_if(self, kind: str, message: str) -> None:
        if message:
            self._say(kind, message)

    def _say(self, kind: str, message: str, data: Mapping[str, Any] | None = None) -> None:
        self._journal.event(self._name, kind, message, data=data)
        self._listener.on_message(message)


def _count_objects(inventory: Inventory) -> Mapping[str, int]:
    kinds = Counter(
        entry.kind.removeprefix("object.") for db in inventory.databases.values() for entry in db.entries.values()
    )
    objects = {"roles": len(inventory.roles), "databases": len(inventory.databases)}
    large = sum(db.large_objects.count for db in inventory.databases.values())
    return {**dict(sorted(kinds.items())), **objects, **({"large objects": large} if large else {})}
