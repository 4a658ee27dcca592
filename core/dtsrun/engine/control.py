"""What is wanted of a running task: requests of other terminals, and signals; seen by the process that runs it."""

from __future__ import annotations

import threading
import time
from typing import Final

from dtsrun.engine.states import allows, refusal
from dtsrun.journal import Journal, Request

LOOK_SECONDS: Final = 0.5
"""How often the journal is asked."""

ENDING: Final = frozenset({"pause", "stop"})
"""What ends the run."""


class Control:
    """The running side of `dtsrun.journal.requests`. For one thread, but `interrupt`.

    The loop of a run asks `wanted` as often as it likes, does what is asked, and says so by `answer`: `accepted` once
    it begins (again with news as it goes on), then `done` or `failed`. What the task's state does not allow is refused
    here, and never seen.
    """

    def __init__(self, journal: Journal, task: str) -> None:
        self._journal = journal
        self._task = task
        self._interrupted = threading.Event()
        self._look_again = 0.0
        self.ending: Request | None = None
        """The request that ends this run, once it was accepted; None also where a signal ends it."""

    def begin(self) -> None:
        """Let go of what was asked of an earlier runner that ended without an answer."""
        self._journal.requests.end_old(self._task, "the runner that was asked has ended; another one works now")

    def interrupt(self) -> None:
        """Ask for a pause, as a signal does. Safe to call from a signal handler."""
        self._interrupted.set()

    def wanted(self) -> Request | None:
        """Return what is asked for and not yet answered; asks the journal at most every half second.

        A signal counts as a request to pause, with the number 0; answers to it go nowhere.
        """
        if self._interrupted.is_set():
            return Request(id=0, task=self._task, what="pause", by="a signal")
        if time.monotonic() < self._look_again:
            return None
        request = self._next()
        if request is None:
            self._look_again = time.monotonic() + LOOK_SECONDS
        return request

    def answer(self, request: Request, state: str, message: str = "") -> None:
        """Say what is done about a request: `accepted`, `done`, `failed` or `refused`."""
        if request.id:
            self._journal.requests.answer(request.id, state, message)

    def wants_end(self) -> bool:
        """Tell whether the run is to end, where nothing else can be asked for; answers what it sees."""
        request = self.wanted()
        if request is None:
            return False
        if request.what not in ENDING:
            self.answer(request, "refused", f"nothing but {' or '.join(sorted(ENDING))} is possible at this moment")
            return False
        self.end_by(request)
        return True

    def end_by(self, request: Request) -> None:
        """Accept a request that ends the run."""
        self.ending = request if request.id else None
        state = "stopping" if request.what == "stop" else "pausing"
        self._journal.set_state(self._task, state)
        self.answer(request, "accepted", f"the task is {state}")

    def ended(self, state: str, message: str) -> None:
        """Answer the request that ended the run, if there is one."""
        if self.ending is not None:
            self.answer(self.ending, state, message)
            self.ending = None

    def wait(self, seconds: float) -> None:
        """Sleep, but not beyond a signal."""
        self._interrupted.wait(seconds)

    def _next(self) -> Request | None:
        while request := self._journal.requests.next(self._task):
            task = self._journal.task(self._task)
            if task is None or allows(task.state, request.what):
                return request
            error = refusal(self._task, task.state, request.what)
            self.answer(request, "refused", f"{error}; {error.hint}")
        return None
