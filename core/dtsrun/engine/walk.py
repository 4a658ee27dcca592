"""Walks the plan: which step may run now, in which lane, what happens when it fails.

Stages are labels, not barriers: a step runs as soon as all that it waits for is done, a lane has room, and nobody
holds a lock that it needs. A step that fails blocks only those that wait for it.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Final, Protocol

import psycopg

from dtsrun.api import Lane, Resources, Step, StepResult
from dtsrun.engine.patience import Patience
from dtsrun.engine.snapshots import Snapshot, Snapshots
from dtsrun.engine.worker import Callbacks, Order, Worker
from dtsrun.errors import DtsrunError, Interrupted, MigrationError
from dtsrun.plan import Plan
from dtsrun.postgres.sqlstate import Reaction, describe, is_unreached, reaction
from dtsrun.throttle import Pace

TICK_SECONDS: Final = 0.5
LANE_ORDER: Final = (Lane.STRUCTURE, Lane.COPY, Lane.INDEX, Lane.VERIFY)
HELD: Final = frozenset({Lane.COPY, Lane.INDEX, Lane.VERIFY})
"""Lanes whose steps do not begin while copies are held; an index that is being built cannot be held."""


class Witness(Protocol):
    """Who is told what happens. All calls but `progress` come from one thread."""

    def started(self, step: Step, worker: str, epoch: int) -> None: ...
    def finished(self, step: Step, result: StepResult) -> None: ...
    def failed(self, step: Step, message: str) -> None: ...
    def blocked(self, step: Step, message: str) -> None: ...
    def put_back(self, step: Step) -> None: ...
    def retrying(self, step: Step, message: str, pause: float, left: float) -> None: ...
    def new_epoch(self, snapshot: Snapshot, lost: Snapshot) -> None: ...
    def progress(self, key: str, rows: int, size: int) -> None: ...
    def created(self, what: str, name: str) -> None: ...
    def wants_stop(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of the walk."""

    done: frozenset[str]
    failed: Mapping[str, str]
    """Key -> message."""
    blocked: frozenset[str]
    lost: str = ""
    """Why the walk ended early: a server stayed out of reach."""


class OutOfTime(MigrationError):
    """The walk was broken off at its deadline; the message names the steps that were at work."""


class Walk:
    """One walk over a plan.

    Args:
        deadline: when it is broken off, by the clock of `time.monotonic`; None: never.
    """

    def __init__(
        self,
        plan: Plan,
        resources: Resources,
        *,
        make_worker: Callable[[Callbacks], Worker],
        snapshots: Snapshots,
        witness: Witness,
        retry_for: float,
        pace: Pace | None = None,
        deadline: float | None = None,
    ) -> None:
        """Args: pace: of all copies together; left out, what the resources say."""
        self._plan = plan
        self._deadline = deadline
        self._snapshots = snapshots
        self._witness = witness
        self._retry_for = retry_for
        self._make_worker = make_worker
        self._rooms = _rooms(resources)
        self._slots = max(2, (resources.copy or 1) + (resources.index or 1))
        self._pace = pace or Pace(resources.rate_limit)
        self._stopping = threading.Event()
        self._local = threading.local()
        self._workers: list[Worker] = []
        self._workers_lock = threading.Lock()
        self._waiting: dict[str, int] = {}
        self._followers: dict[str, list[str]] = {}
        self._ready: dict[Lane, list[tuple[int, int, str]]] = {lane: [] for lane in Lane}
        self._rank = {key: number for number, key in enumerate(plan.order)}
        self._running: dict[Future[StepResult], tuple[Step, Snapshot | None]] = {}
        self._locks: set[str] = set()
        self._patience: dict[str, Patience] = {}
        self._trouble = Patience(retry_for)
        self._began: dict[str, float] = {}
        self._later: list[tuple[float, str]] = []
        self._done: set[str] = set()
        self._failed: dict[str, str] = {}
        self._blocked: set[str] = set()
        self._lost = ""

    def run(self, done: Iterable[str]) -> Outcome:
        """Run all steps but those that are done already.

        Raises:
            Interrupted: the user stopped the task; what was finished stays finished, the rest was rolled back.
            OutOfTime: the deadline came; likewise.
        """
        self._prepare(set(done))
        with ThreadPoolExecutor(max_workers=self._slots, thread_name_prefix="worker") as pool:
            try:
                self._loop(pool)
            finally:
                self._close(pool)
        return Outcome(frozenset(self._done), self._failed, frozenset(self._blocked), self._lost)

    def stop(self) -> None:
        """Stop as soon as possible: nothing new starts, what runs is cancelled. Safe to call from a signal handler."""
        self._stopping.set()

    # --- the loop ----------------------------------------------------------------------------------------------

    def _prepare(self, done: set[str]) -> None:
        self._done = done & set(self._plan.steps)
        for key, step in self._plan.steps.items():
            if key in self._done:
                continue
            open_edges = [other for other in step.after if other not in self._done]
            self._waiting[key] = len(open_edges)
            for other in open_edges:
                self._followers.setdefault(other, []).append(key)
        for key, count in self._waiting.items():
            if count == 0:
                self._make_ready(key)

    def _loop(self, pool: ThreadPoolExecutor) -> None:
        while self._unfinished():
            if self._stopping.is_set() or self._witness.wants_stop():
                self._stopping.set()
                self._cancel_running()
                raise _interrupted()
            if self._deadline is not None and time.monotonic() > self._deadline:
                self._stopping.set()
                self._cancel_running()
                raise self._out_of_time()
            self._wake()
            self._dispatch(pool)
            finished, _ = wait(self._running, timeout=TICK_SECONDS, return_when=FIRST_COMPLETED)
            if not self._running:
                time.sleep(TICK_SECONDS if self._pace.is_held else min(TICK_SECONDS, max(0.01, self._next_wake())))
            for future in finished:
                self._settle(future)
        if self._stopping.is_set():
            raise _interrupted()

    def _out_of_time(self) -> OutOfTime:
        began = sorted((self._began.get(step.key, 0.0), step.title or step.key) for step, _ in self._running.values())
        titles = [title for _, title in began]
        more = f" and {len(titles) - 1} more" if titles[1:] else ""
        return OutOfTime(f"{titles[0]}{more} is not done" if titles else "not all is done")

    def _unfinished(self) -> bool:
        return bool(self._running or self._later or any(self._ready.values()))

    def _dispatch(self, pool: ThreadPoolExecutor) -> None:
        for lane in LANE_ORDER:
            if lane in HELD and self._pace.is_held:
                continue
            held: list[tuple[int, int, str]] = []
            while self._ready[lane] and self._has_room(lane):
                item = heapq.heappop(self._ready[lane])
                step = self._plan.steps[item[2]]
                if self._locks & set(step.locks) or not self._start(pool, step):
                    held.append(item)
            for item in held:
                heapq.heappush(self._ready[lane], item)

    def _has_room(self, lane: Lane) -> bool:
        if len(self._running) >= self._slots:
            return False
        return sum(1 for step, _ in self._running.values() if step.lane == lane) < self._rooms[lane]

    def _start(self, pool: ThreadPoolExecutor, step: Step) -> bool:
        try:
            snapshot = self._snapshots.of(step)
        except (psycopg.Error, DtsrunError) as error:
            self._fail_or_retry(step, error, None)
            return True
        self._locks.update(step.locks)
        self._began[step.key] = time.monotonic()
        future = pool.submit(self._work, Order(step, snapshot))
        self._running[future] = (step, snapshot)
        self._witness.started(step, f"{step.lane.value}", snapshot.epoch if snapshot else 0)
        return True

    def _work(self, order: Order) -> StepResult:
        if self._stopping.is_set():
            raise Interrupted("the task was stopped")
        worker: Worker | None = getattr(self._local, "worker", None)
        if worker is None:
            worker = self._make_worker(Callbacks(self._progress, self._witness.created))
            self._local.worker = worker
            with self._workers_lock:
                self._workers.append(worker)
        return worker.run(order)

    def _progress(self, key: str, rows: int, size: int) -> None:
        if self._stopping.is_set():
            raise Interrupted("the task was stopped")
        self._witness.progress(key, rows, size)
        if self._plan.steps[key].lane is Lane.COPY:
            self._pace.passed(size, self._stopping.is_set)
            if self._stopping.is_set():
                raise Interrupted("the task was stopped")

    # --- the end of a step -------------------------------------------------------------------------------------

    def _settle(self, future: Future[StepResult]) -> None:
        step, snapshot = self._running.pop(future)
        self._locks.difference_update(step.locks)
        error = future.exception()
        if error is None:
            self._finish(step, future.result())
        elif isinstance(error, Interrupted):
            self._stopping.set()
            self._witness.put_back(step)
        else:
            self._fail_or_retry(step, error, snapshot)

    def _finish(self, step: Step, result: StepResult) -> None:
        self._done.add(step.key)
        self._trouble.recover()
        self._witness.finished(step, result)
        # Objects that failed inside a step are named one by one; what hangs on them fails by its own name later.
        self._release(step.key)

    def _fail_or_retry(self, step: Step, error: BaseException, snapshot: Snapshot | None) -> None:
        react = reaction(error)
        if react is Reaction.SNAPSHOT_LOST and snapshot is not None:
            self._renew(step, snapshot)
        elif react is Reaction.RETRY and not self._lost and (pause := self._bear(step)) is not None:
            left = min(self._patience[step.key].left, self._trouble.left)
            self._witness.retrying(step, describe(error), pause, left)
            heapq.heappush(self._later, (time.monotonic() + pause, step.key))
        else:
            self._give_up(step, error, react)

    def _give_up(self, step: Step, error: BaseException, react: Reaction) -> None:
        """Fail a step; or, where a server is out of reach and nothing has gone well for all the time that there was,
        end the walk: every other step would wait for that server in vain too, each for a time-out of its own."""
        if is_unreached(error) and self._trouble.left <= 0:
            self._lost = describe(error)
            self._later.clear()
            for ready in self._ready.values():
                ready.clear()
        if self._lost and react is Reaction.RETRY:
            self._witness.put_back(step)
        else:
            self._fail(step, describe(error))

    def _bear(self, step: Step) -> float | None:
        """Return the pause before a step is tried again; None where it is given up.

        A server that is gone takes all steps down with it: if each had a time of its own from its first fault on, one
        after the other would wait for the server. So one time runs for all of them while nothing goes well.
        """
        worked_for = time.monotonic() - self._began.pop(step.key, time.monotonic())
        together = self._trouble.fault(worked_for)
        alone = self._patience.setdefault(step.key, Patience(self._retry_for)).fault(worked_for)
        return alone if together is not None else None

    def _renew(self, step: Step, lost: Snapshot) -> None:
        try:
            snapshot = self._snapshots.renew(lost.database, lost)
        except (psycopg.Error, DtsrunError) as error:
            self._fail_or_retry(step, error, None)
            return
        self._witness.new_epoch(snapshot, lost)
        self._make_ready(step.key)

    def _fail(self, step: Step, message: str) -> None:
        self._failed[step.key] = message
        self._witness.failed(step, message)
        self._block_followers(step.key, step.title or step.key)
        self._release_soft(step.key)

    def _release(self, key: str) -> None:
        for follower in self._followers.get(key, ()):
            self._count_down(follower)

    def _release_soft(self, key: str) -> None:
        for follower in self._followers.get(key, ()):
            if self._plan.steps[follower].depends_softly:
                self._count_down(follower)

    def _count_down(self, key: str) -> None:
        self._waiting[key] -= 1
        if self._waiting[key] == 0 and key not in self._blocked:
            self._make_ready(key)

    def _block_followers(self, key: str, cause: str) -> None:
        open_keys = [key]
        while open_keys:
            for follower in self._followers.get(open_keys.pop(), ()):
                step = self._plan.steps[follower]
                if step.depends_softly or follower in self._blocked:
                    continue
                self._blocked.add(follower)
                self._witness.blocked(step, f"waits for {cause}, which failed")
                self._release_soft(follower)
                open_keys.append(follower)

    # --- small things ------------------------------------------------------------------------------------------

    def _make_ready(self, key: str) -> None:
        if self._lost:
            return
        step = self._plan.steps[key]
        heapq.heappush(self._ready[step.lane], (-step.size, self._rank[key], key))

    def _wake(self) -> None:
        while self._later and self._later[0][0] <= time.monotonic():
            self._make_ready(heapq.heappop(self._later)[1])

    def _next_wake(self) -> float:
        return self._later[0][0] - time.monotonic() if self._later else 0.0

    def _cancel_running(self) -> None:
        with self._workers_lock:
            workers = list(self._workers)
        for worker in workers:
            worker.cancel()

    def _close(self, pool: ThreadPoolExecutor) -> None:
        self._stopping.set() if self._running else None
        pool.shutdown(wait=False, cancel_futures=True)
        # A statement that began just when all were cancelled is cancelled now.
        while wait(self._running, timeout=TICK_SECONDS).not_done:
            self._cancel_running()
        pool.shutdown(wait=True)
        for future, (step, _) in self._running.items():
            if future.cancelled() or future.exception() is not None:
                self._witness.put_back(step)
            else:
                self._witness.finished(step, future.result())
        for worker in self._workers:
            worker.close()


def _interrupted() -> Interrupted:
    return Interrupted("the task was stopped", hint="run the same command again to continue")


def _rooms(resources: Resources) -> Mapping[Lane, int]:
    copy, index = resources.copy or 1, resources.index or 1
    return {Lane.STRUCTURE: copy, Lane.COPY: copy, Lane.INDEX: index, Lane.VERIFY: max(copy, index)}
