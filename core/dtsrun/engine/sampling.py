"""Reads the signals of both servers' health while copies run, each server over a session of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from dtsrun.api import Connection, ServerFacts, Side, Throttle, Throttling, Undetermined
from dtsrun.engine.ends import SIDES, Ends
from dtsrun.engine.regulator import Regulator, Tell
from dtsrun.errors import DtsrunError
from dtsrun.postgres.sqlstate import describe
from dtsrun.task_log import get_log
from dtsrun.throttle import Pace

SESSION_SETTINGS: Final[Mapping[str, str]] = {
    "statement_timeout": "10s",
    "lock_timeout": "2s",
    "default_transaction_read_only": "on",
}
"""Of sessions that look every few seconds: a look that takes long is given up."""

CLOSE_SECONDS: Final = 5.0
"""How long the end of the copies waits for a look that is under way; its session is closed then."""

CANCEL_SECONDS: Final = 0.25
"""How often the look is cancelled meanwhile."""


@dataclass(frozen=True, slots=True)
class ThrottleView:
    """What a throttle may use (see `dtsrun.api.ThrottleContext`)."""

    task: str
    options: Mapping[str, Any]
    facts: ServerFacts
    connection: Connection


@contextmanager
def giving_way(ends: Ends, pace: Pace, tell: Tell) -> Iterator[None]:
    """Let copies give way to what the spec names, for the block."""
    settings = ends.spec.resources.throttle
    if settings is None:
        yield
        return
    regulator = Regulator(pace, settings, tell)
    samplers = [Sampler(ends, side, throttles, regulator) for side in SIDES if (throttles := _of_side(ends, side))]
    try:
        for sampler in samplers:
            sampler.start()
        yield
    finally:
        for sampler in samplers:
            sampler.close()
        regulator.close()


def _of_side(ends: Ends, side: Side) -> list[Throttle]:
    named = ends.spec.resources.throttle or Throttling()
    return [each for each in ends.registry.throttles if each.short_name in named.signals and each.side == side]


class Sampler:
    """Looks at one server every few seconds, in a thread of its own."""

    def __init__(self, ends: Ends, side: Side, throttles: Sequence[Throttle], regulator: Regulator) -> None:
        self._ends = ends
        self._side = side
        self._throttles = throttles
        self._regulator = regulator
        self._settings = ends.spec.resources.throttle or Throttling()
        self._connection: Connection | None = None
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"sampler {side}", daemon=True)
        self._log = get_log(task=ends.spec.task.name)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def close(self) -> None:
        """End, and close the session."""
        self._closing.set()
        deadline = time.monotonic() + CLOSE_SECONDS
        while self._thread.is_alive() and time.monotonic() < deadline:
            connection = self._connection
            if connection is not None and not connection.closed:
                # A look may be about to begin: what is not at work yet cannot be cancelled, so it is tried again.
                connection.cancel_safe(timeout=CLOSE_SECONDS)
            self._thread.join(CANCEL_SECONDS)
        self._drop()

    def _run(self) -> None:
        while not self._closing.is_set():
            for throttle in self._throttles:
                self._look(throttle)
            if not self._closing.is_set():
                self._regulator.decide()
            self._closing.wait(self._settings.every)
        self._drop()

    def _look(self, throttle: Throttle) -> None:
        try:
            signal = throttle.look(self._view(throttle))
        except Undetermined as error:
            self._unread(throttle, str(error), lasting=True)
        except (psycopg.Error, DtsrunError, OSError) as error:
            # A session that was cut is opened anew for the next look.
            self._drop()
            self._unread(throttle, describe(error), lasting=False)
        except Exception as error:  # noqa: BLE001 - a thread that dies would leave copies held, or unwatched
            self._log.exception("a throttle is broken", throttle=throttle.name)
            self._unread(throttle, f"it is broken: {type(error).__name__}: {error}", lasting=True)
        else:
            self._regulator.heard(throttle.name, signal)

    def _unread(self, throttle: Throttle, reason: str, *, lasting: bool) -> None:
        if not self._closing.is_set():
            self._regulator.unread(throttle.name, reason, lasting=lasting)

    def _view(self, throttle: Throttle) -> ThrottleView:
        if self._connection is None or self._connection.closed:
            self._connection = self._ends.connect(
                self._side, None, f"{self._ends.spec.task.name} throttle", **SESSION_SETTINGS
            )
        options = self._settings.signals[throttle.short_name]
        return ThrottleView(self._ends.spec.task.name, options, self._ends.facts[self._side], self._connection)

    def _drop(self) -> None:
        # Both threads come here at the end.
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
