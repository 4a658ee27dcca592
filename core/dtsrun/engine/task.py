"""One run of a task, from the spec to the last state.

    creating -> checking -> check_failed | check_passed -> running -> succeeded | failed | paused

The same command, run again after any end but the first three, continues: it takes the plan from the journal and what
is done from the target's marks.
"""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any, Final, Protocol

import structlog

from dtsrun import marks
from dtsrun.api import CheckResult, Endpoint, Failure, Inventory, Precheck, Spec, Step, StepResult
from dtsrun.engine.checking import Checking
from dtsrun.engine.checks import alarms, blocking, run_checks
from dtsrun.engine.ends import SIDES, Ends, home_folder, open_ends, read_spec
from dtsrun.engine.lock import lock_on_target, runner_lock
from dtsrun.engine.policy import Policy, Ties, policy_digest, ties_of
from dtsrun.engine.prepare import Preparation, first_epochs, read_marks, snapshots_of, without_lost_databases
from dtsrun.engine.snapshots import Snapshot, Snapshots
from dtsrun.engine.sql_checks import sql_checks
from dtsrun.engine.states import FINISHED
from dtsrun.engine.tidy import start_over, tidy
from dtsrun.engine.walk import Outcome, Walk
from dtsrun.engine.worker import Worker
from dtsrun.errors import (
    BlockingFindings,
    DifferencesFound,
    DtsrunError,
    Interrupted,
    MigrationError,
    SpecError,
    TaskBusyError,
)
from dtsrun.inventory import matches
from dtsrun.journal import Creation, Journal, TaskRecord
from dtsrun.plan import Plan, decide_resources
from dtsrun.postgres.session import runner_name
from dtsrun.registry import Registry
from dtsrun.task_log import configure_task_log

RESUMABLE: Final = frozenset({"running", "paused", "failed"})
"""States in which a plan has begun to be carried out."""

UNBEGUN: Final = frozenset({"creating", "checking", "check_failed", "check_passed"})
"""States in which nothing is made on the target yet."""

REQUEST_SECONDS: Final = 0.5
"""How often the journal is asked what another terminal wants."""

SIGNATURE: Final = "server/task"
"""Key of the mark that holds the spec's digest; no step has it."""


class Listener(Protocol):
    """Who shows the user what happens. `on_progress` comes from several threads."""

    def on_plan(self, steps: Sequence[Step]) -> None: ...
    def on_step(self, key: str, state: str) -> None: ...
    def on_progress(self, key: str, rows: int, bytes: int) -> None: ...
    def on_message(self, text: str) -> None: ...


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the command line says beside the spec."""

    restart: bool = False
    keep: bool = False
    only_check: bool = False
    only: Sequence[str] = ()
    skip: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended; the journal has the rest."""

    task: str
    home: Path
    already_done: bool = False
    checks: Sequence[CheckResult] = ()
    error: DtsrunError | None = None
    """What the exit code comes from; None: all went well."""
    ties: Ties | None = None
    """What the checks are tied to, after checking alone."""
    databases: Mapping[str, str] = field(default_factory=dict)
    """What was checked: databases by name with those of the target, after checking alone."""


Confirm = Callable[[Sequence[CheckResult]], bool]
"""Asked whether to go on in spite of alarms."""


def run_task(spec_path: Path, options: RunOptions, listener: Listener, confirm: Confirm) -> Ended:
    """Check both ends and migrate; continue what an earlier run left.

    Raises:
        SpecError, PluginError, AccessError, MigrationError: the run could not begin, or could not go on.
        Interrupted: the user stopped it.
    """
    spec, registry = read_spec(spec_path)
    spec = _kept(spec, registry) if options.keep else spec
    home = home_folder()
    with ExitStack() as stack:
        journal = stack.enter_context(Journal.open(home))
        stack.enter_context(runner_lock(task_folder(home, spec.task.name), spec.task.name))
        known = journal.task(spec.task.name)
        if known and known.state == "succeeded" and known.digest == spec.digest and not options.restart:
            return Ended(spec.task.name, home, already_done=True)
        return Run(spec, registry, journal, options, listener, confirm).run(known)


def check_task(spec_path: Path, options: RunOptions, listener: Listener) -> Ended:
    """Make the prechecks alone; nothing is moved. The journal remembers what came of all of them."""
    spec, registry = read_spec(spec_path)
    with open_ends(spec, registry) as ends:
        preparation = Preparation(ends)
        results = make_checks(preparation, options, listener)
        described = _describe(ends)
    inventory = preparation.known_inventory
    ended = Ended(
        spec.task.name,
        home_folder(),
        checks=results,
        error=verdict(spec, results, lambda alarmed: True),
        ties=ties_of(spec, inventory),
        databases={name: database.target for name, database in inventory.databases.items()} if inventory else {},
    )
    if not (options.only or options.skip):
        _remember_checks(spec, ended, described)
    return ended


def _remember_checks(spec: Spec, ended: Ended, described: Mapping[str, Any]) -> None:
    """Write into the journal what came of the checks, unless the task's work has begun: then its own are kept."""
    with ExitStack() as stack:
        journal = stack.enter_context(Journal.open(ended.home))
        known = journal.task(ended.task)
        if known is not None and known.state not in UNBEGUN:
            return
        try:
            stack.enter_context(runner_lock(task_folder(ended.home, ended.task), ended.task))
        except TaskBusyError:
            return  # whoever runs it now remembers its own checks
        journal.begin_task(
            ended.task,
            spec_path=spec.path.resolve(),
            digest=spec.digest,
            migration_type=spec.migration_type.value,
            runner=runner_name(),
        )
        journal.set_summary(ended.task, **described)
        _save_checks(journal, ended.task, ended.checks, ended.ties)
        journal.set_state(ended.task, "check_failed" if ended.error else "check_passed")


def _save_checks(journal: Journal, task: str, results: Sequence[CheckResult], ties: Ties | None) -> None:
    journal.save_checks(task, results)
    made_at = datetime.now(UTC).isoformat(timespec="seconds")
    journal.set_summary(task, checked={"at": made_at, **(ties.as_data() if ties else {})})


def verify_task(spec_path: Path, listener: Listener) -> Ended:
    """Compare both ends; nothing is moved."""
    spec, registry = read_spec(spec_path)
    home, name = home_folder(), f"{spec.task.name}.verify"
    with ExitStack() as stack:
        journal = stack.enter_context(Journal.open(home))
        stack.enter_context(runner_lock(task_folder(home, name), name))
        journal.forget_task(name)
        return Run(spec, registry, journal, RunOptions(), listener, lambda _: True, name=name).verify()


def task_folder(home: Path, task: str) -> Path:
    """Return where a task's log, reports and lock lie. Names of tasks are checked by the spec."""
    return home / "tasks" / task


def make_checks(preparation: Preparation, options: RunOptions, listener: Listener) -> list[CheckResult]:
    """Make the prechecks that the options and the policy leave."""
    spec = preparation.ends.spec
    registry = preparation.ends.registry
    chosen = [c for c in all_checks(spec, registry) if is_chosen(c, options)]
    origins = {**registry.origins, **{check.name: "the policy" for check in sql_checks(spec.policy)}}
    checking = Checking(preparation)
    listener.on_message(f"checking both ends: {len(chosen)} checks")
    try:
        return run_checks(
            chosen, Policy.of(spec), spec.migration_type, checking.context, origin_of=lambda name: origins.get(name, "")
        )
    finally:
        checking.close()


def all_checks(spec: Spec, registry: Registry) -> Sequence[Precheck]:
    """Return the checks of all plugins, and those that the policy holds as queries."""
    return (*registry.prechecks, *sql_checks(spec.policy))


def verdict(spec: Spec, results: Sequence[CheckResult], confirm: Confirm) -> DtsrunError | None:
    """Return why the results stop the task, None where they do not."""
    found = blocking(results)
    if found:
        return _blocking_error(found)
    alarmed = alarms(results)
    mode = Policy.of(spec).alarms
    if not alarmed or mode == "continue":
        return None
    if mode == "confirm" and confirm(alarmed):
        return None
    names = ", ".join(result.check for result in alarmed)
    return BlockingFindings(f"alarms were not accepted: {names}", hint="accept them with --yes, or by the policy")


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
        self._log = structlog.get_logger(task=self._name)

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

    def verify(self) -> Ended:
        """Compare both ends."""
        with self._recording(), open_ends(self._spec, self._registry) as ends:
            self._begin()
            snapshots = snapshots_of(ends, lambda _: 1)
            try:
                preparation = Preparation(ends, snapshots)
                plan = preparation.plan().only("verify")
                self._save(plan, preparation.inventory, ends)
                return self._carry_out(ends, plan, snapshots, {}, tidy_up=False)
            finally:
                snapshots.close()

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
        for warning in self._spec.warnings:
            self._say("warning", warning)
        return task

    def _forget(self, ends: Ends, known: TaskRecord) -> None:
        if known.state not in FINISHED:
            start_over(ends, self._journal, self._say)
        self._journal.forget_task(self._name)

    def _start(self, ends: Ends) -> Ended:
        snapshots = snapshots_of(ends, lambda _: 1)
        try:
            preparation = Preparation(ends, snapshots)
            found = self._left_by_a_lost_journal(ends, preparation)
            checks = [] if found else self._check(preparation)
            if isinstance(checks, Ended):
                return checks
            plan = preparation.plan()
            self._save(plan, preparation.inventory, ends)
            found = without_lost_databases(found, plan, self._spec, preparation.target_databases())
            self._sign(ends)
            return self._carry_out(ends, plan, snapshots, found, checks=checks)
        finally:
            snapshots.close()

    def _left_by_a_lost_journal(self, ends: Ends, preparation: Preparation) -> Mapping[str, marks.Mark]:
        """Return the marks of a task that this runner knows nothing of, but the target does."""
        found = read_marks(ends, sorted(preparation.inventory.databases), preparation.target_databases())
        if not found:
            return {}
        signed = found.get(SIGNATURE)
        if signed is None or signed.detail.get("digest") != self._spec.digest or self._spec.on_conflict == "skip":
            raise MigrationError(
                f"the target holds the unfinished work of another task {self._name!r}",
                hint="run it where its journal is, or give this task another name, or drop schema _dtsrun there",
            )
        self._say("resume", "the journal of this task is not here; the target remembers what is done")
        return found

    def _sign(self, ends: Ends) -> None:
        """Leave the spec's digest among the marks, so that they can be told from another task's."""
        with ends.connect("target", None, "marks") as connection:
            marks.prepare(connection)
            marks.write(connection, self._name, SIGNATURE, 0, StepResult(detail={"digest": self._spec.digest}))

    def _continue(self, ends: Ends) -> Ended:
        data = self._journal.plan(self._name)
        assert data is not None
        plan = Plan.from_data(data)
        databases = {key: step.database for key, step in plan.steps.items()}
        names = sorted({name for name in databases.values() if name is not None})
        exist = Preparation(ends).target_databases()
        found = without_lost_databases(read_marks(ends, names, exist), plan, self._spec, exist)
        epochs = first_epochs(found, databases)
        snapshots = snapshots_of(ends, lambda database: epochs.get(database, 1))
        self._journal.take_requests(self._name)
        done = sum(mark.done and key in plan.steps for key, mark in found.items())
        self._say("resume", f"continuing: {done} of {len(plan.steps)} steps are done")
        self._notice_other_policy()
        try:
            return self._carry_out(ends, plan, snapshots, found, checks=self._journal.findings(self._name))
        finally:
            snapshots.close()

    def _check(self, preparation: Preparation) -> list[CheckResult] | Ended:
        self._journal.set_state(self._name, "checking")
        results = make_checks(preparation, self._options, self._listener)
        self._tie(preparation, results)
        error = verdict(self._spec, results, self._confirm)
        self._journal.set_state(self._name, "check_failed" if error else "check_passed")
        if error:
            return Ended(self._name, self._journal.home, checks=results, error=error)
        return results

    def _tie(self, preparation: Preparation, results: Sequence[CheckResult]) -> None:
        """Remember what came of the checks with what they are tied to, and say what changed since earlier ones."""
        ties = ties_of(self._spec, preparation.known_inventory)
        known = self._journal.task(self._name)
        earlier = known.summary.get("checked") if known else None
        if earlier and (changed := ties.changes(earlier)):
            self._say("checked", f"since the checks of {earlier['at']} other: {', '.join(changed)}")
        _save_checks(self._journal, self._name, results, ties)

    def _notice_other_policy(self) -> None:
        """Say, where work goes on, that its checks were made under another policy; they are not made again."""
        known = self._journal.task(self._name)
        checked = known.summary.get("checked") if known else None
        if checked and checked.get("policy") != policy_digest(self._spec):
            self._say("checked", f"the policy has changed since the checks of {checked['at']}; they are not repeated")

    # --- the work ----------------------------------------------------------------------------------------------

    def _save(self, plan: Plan, inventory: Inventory, ends: Ends) -> None:
        self._journal.save_plan(self._name, [plan.steps[key] for key in plan.order], plan.as_data())
        folder = task_folder(self._journal.home, self._name)
        self._journal.set_summary(
            self._name,
            **_describe(ends),
            objects=_count_objects(inventory),
            left_out=list(inventory.left_out),
            verify_mode=self._spec.stages.get("verify", {}).get("mode", "full"),
            notes=[note for side in SIDES for note in ends.routes[side].notes],
            paths={name: str(folder / f"report.{name}") for name in ("html", "json")}
            | {"log": str(folder / "log.jsonl")},
        )

    def _carry_out(
        self,
        ends: Ends,
        plan: Plan,
        snapshots: Snapshots,
        found: Mapping[str, marks.Mark],
        *,
        checks: Sequence[CheckResult] = (),
        tidy_up: bool = True,
    ) -> Ended:
        self._journal.set_state(self._name, "running")
        resources, why = decide_resources(self._spec.resources)
        self._say("resources", why)
        done = {key for key, mark in found.items() if mark.done and key in plan.steps}
        self._take_over(found)
        self._listener.on_plan([plan.steps[key] for key in plan.order])
        for key in done:
            self._listener.on_step(key, "done")
        witness = _Witness(self._name, self._journal, self._listener, self._log)
        walk = Walk(
            plan,
            resources,
            make_worker=lambda callbacks: Worker(ends, self._name, callbacks),
            snapshots=snapshots,
            witness=witness,
            retry_for=self._spec.task.retry_for,
        )
        try:
            with _stopped_by_signals(walk):
                outcome = walk.run(done)
        except Interrupted:
            self._journal.set_state(self._name, "paused")
            raise
        return self._finish(ends, outcome, checks, tidy_up)

    def _take_over(self, found: Mapping[str, marks.Mark]) -> None:
        for key, mark in found.items():
            if mark.done and key != SIGNATURE:
                self._journal.step_known_done(self._name, key, mark.rows, mark.bytes, mark.epoch or None)

    def _finish(self, ends: Ends, outcome: Outcome, checks: Sequence[CheckResult], tidy_up: bool) -> Ended:
        error = self._error_of(outcome)
        if error is None and tidy_up:
            tidy(ends, self._journal)
        self._journal.set_state(self._name, "failed" if error else "succeeded")
        return Ended(self._name, self._journal.home, checks=checks, error=error)

    def _error_of(self, outcome: Outcome) -> DtsrunError | None:
        failures = self._journal.failures(self._name)
        if outcome.failed or failures:
            count = len(failures) or len(outcome.failed)
            noun = "thing" if count == 1 else "things"
            return MigrationError(
                f"{count} {noun} could not be moved; everything else was",
                hint="mend what is listed, then run the same command again: only the rest is done",
            )
        differences = self._journal.differences(self._name)
        if differences:
            noun = "difference" if len(differences) == 1 else "differences"
            return DifferencesFound(
                f"{len(differences)} {noun} between source and target", hint=f"dtsrun show {self._name}"
            )
        return None

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

    def _say(self, kind: str, message: str) -> None:
        self._journal.event(self._name, kind, message)
        self._listener.on_message(message)


class _Witness:
    """Writes what the walk does into the journal and the log, and shows it."""

    def __init__(self, task: str, journal: Journal, listener: Listener, log: Any) -> None:
        self._task = task
        self._journal = journal
        self._listener = listener
        self._log = log
        self._look_again = 0.0

    def started(self, step: Step, worker: str, epoch: int) -> None:
        self._journal.step_started(self._task, step.key, worker, epoch or None)
        self._listener.on_step(step.key, "running")
        self._log.info("step started", step=step.key, epoch=epoch)

    def finished(self, step: Step, result: StepResult) -> None:
        state = "failed" if result.failures else "done"
        message = f"{len(result.failures)} objects failed" if result.failures else ""
        self._journal.step_finished(self._task, step.key, state, result, message)
        self._listener.on_step(step.key, state)
        self._log.info("step finished", step=step.key, rows=result.rows, bytes=result.bytes, state=state)
        for failure in result.failures:
            self._tell("failure", step, f"{failure.object}: {failure.message}")

    def failed(self, step: Step, message: str) -> None:
        failure = Failure(object=step.title or step.key, message=message)
        self._journal.step_finished(self._task, step.key, "failed", StepResult(failures=(failure,)), message)
        self._listener.on_step(step.key, "failed")
        self._tell("failure", step, f"{step.title or step.key}: {message}")

    def blocked(self, step: Step, message: str) -> None:
        self._journal.step_blocked(self._task, step.key, message)
        self._listener.on_step(step.key, "blocked")
        self._log.warning("step blocked", step=step.key, reason=message)

    def put_back(self, step: Step) -> None:
        self._journal.step_put_back(self._task, step.key)
        self._listener.on_step(step.key, "waiting")

    def retrying(self, step: Step, message: str, pause: float) -> None:
        self.put_back(step)
        self._tell("retry", step, f"{step.title or step.key}: {message}; trying again in {pause:.0f} s")

    def new_epoch(self, snapshot: Snapshot, lost: Snapshot) -> None:
        message = (
            f"the snapshot of {snapshot.database} was lost; what is not yet copied is read in a new one"
            f" (epoch {snapshot.epoch}, {snapshot.taken_at:%Y-%m-%d %H:%M:%S} UTC)"
        )
        self._journal.event(self._task, "epoch", message, data={"database": snapshot.database, "epoch": snapshot.epoch})
        self._listener.on_message(message)

    def progress(self, key: str, rows: int, size: int) -> None:
        self._listener.on_progress(key, rows, size)

    def created(self, what: str, name: str) -> None:
        self._journal.created(self._task, Creation(side="target", what=what, name=name))

    def wants_stop(self) -> bool:
        if time.monotonic() < self._look_again:
            return False
        self._look_again = time.monotonic() + REQUEST_SECONDS
        return "pause" in self._journal.take_requests(self._task)

    def _tell(self, kind: str, step: Step, message: str) -> None:
        self._journal.event(self._task, kind, message, step=step.key)
        self._listener.on_message(message)
        self._log.warning(message, step=step.key, kind=kind)


@contextmanager
def _stopped_by_signals(walk: Walk) -> Iterator[None]:
    """Turn SIGINT and SIGTERM into a clean stop; a second one ends the process at once."""

    def stop(number: int, frame: FrameType | None) -> None:
        walk.stop()
        signal.signal(number, signal.SIG_DFL)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _describe(ends: Ends) -> Mapping[str, Any]:
    """Return the ends as the report knows them."""
    return {s: {"description": ends.routes[s].description, "version": ends.facts[s].release} for s in SIDES}


def _blocking_error(found: Sequence[CheckResult]) -> BlockingFindings:
    names = ", ".join(result.check for result in found)
    return BlockingFindings(f"{len(found)} of the prechecks failed: {names}", hint="mend them, and check again")


def is_chosen(check: Precheck, options: RunOptions) -> bool:
    """Tell whether the options of the command line leave a check in."""
    names = (check.name, check.short_name)
    wanted = not options.only or any(matches(pattern, name) for pattern in options.only for name in names)
    return wanted and not any(matches(pattern, name) for pattern in options.skip for name in names)


def _count_objects(inventory: Inventory) -> Mapping[str, int]:
    kinds = Counter(
        entry.kind.removeprefix("object.") for db in inventory.databases.values() for entry in db.entries.values()
    )
    objects = {"roles": len(inventory.roles), "databases": len(inventory.databases)}
    large = sum(db.large_objects.count for db in inventory.databases.values())
    return {**dict(sorted(kinds.items())), **objects, **({"large objects": large} if large else {})}


def _kept(spec: Spec, registry: Registry) -> Spec:
    """Return the spec with `keep` set at the ends that can keep their server."""
    source, target = (_kept_endpoint(spec.endpoint(side), registry) for side in SIDES)
    return replace(spec, source=source, target=target)


def _kept_endpoint(endpoint: Endpoint, registry: Registry) -> Endpoint:
    properties = registry.get(f"access.{endpoint.access_type}").options.get("properties", {})
    return replace(endpoint, access={**endpoint.access, "keep": True}) if "keep" in properties else endpoint
