"""The process that carries a link, as the runner holds it."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import time
from multiprocessing.connection import Connection as Pipe
from typing import Final

from dtsrun.api import LinkStatus
from dtsrun.stream.carrier import STATUS, STOP, Carrier, Order

ANSWER_SECONDS: Final = 0.5
"""A carrier that is logging in does not answer; what it said last is told again."""
KILL_SECONDS: Final = 5.0


class CarrierProcess:
    """A carrier in a process of its own, so that it shares no interpreter with the runner.

    It ends when the pipe to it breaks: a runner that is killed leaves no process behind. Passwords travel through
    that pipe, never through arguments.
    """

    def __init__(self, order: Order) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=_main, args=(order, theirs), name=f"dtsrun stream {order.link.name}", daemon=True
        )
        self._process.start()
        theirs.close()
        self._last = LinkStatus(link=order.link.name, state="starting")
        self._is_asked = False

    @property
    def is_alive(self) -> bool:
        """Whether it still runs."""
        return self._process.is_alive()

    @property
    def pid(self) -> int | None:
        """Its number for the operating system."""
        return self._process.pid

    def status(self) -> LinkStatus:
        """Return how it goes, or went when it last answered."""
        try:
            if not self._is_asked:
                self._pipe.send(STATUS)
                self._is_asked = True
            if self._pipe.poll(ANSWER_SECONDS):
                self._last = self._pipe.recv()
                self._is_asked = False
        except (EOFError, OSError):
            code = self._process.exitcode
            return LinkStatus(
                link=self._last.link,
                state="failed",
                received=self._last.received,
                applied=self._last.applied,
                error=f"the process that carries it has ended{'' if code is None else f' with code {code}'}",
                counts=self._last.counts,
            )
        return self._last

    def stop(self, within: float) -> None:
        """End it where it stands: what is not committed comes again.

        Args:
            within: seconds that it has to end by itself, before it is killed.
        """
        with contextlib.suppress(OSError):  # it has ended already
            self._pipe.send(STOP)
        self._join(within)
        if self._process.is_alive():
            self._process.kill()
            self._process.join(KILL_SECONDS)
        self._pipe.close()

    def _join(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self._process.is_alive() and time.monotonic() < deadline:
            self._process.join(0.1)


def _main(order: Order, control: Pipe) -> None:
    # The terminal speaks to the runner, which speaks to us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with control:
        Carrier(order, control).run()
