"""Work done on both ends at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from typing import Final, TypeVar

import psycopg

from dtsrun.api import Connection, StepContext

T = TypeVar("T")
E = TypeVar("E")

POLL_SECONDS: Final = 0.5
"""How often a long query looks whether the user stopped the task."""


def on_both(context: StepContext, work: Callable[[E], T], source: E, target: E) -> tuple[T, T]:
    """Do the same work on both ends at once, and return what came of it: source, target.

    Where one end fails, or the user stops the task, what the other still runs is cancelled.
    """
    with ThreadPoolExecutor(2, thread_name_prefix="compare") as pool:
        futures = pool.submit(work, source), pool.submit(work, target)
        try:
            _wait(context, futures)
        except BaseException:
            _cancel(context, futures)
            raise
    return futures[0].result(), futures[1].result()


def _wait(context: StepContext, futures: tuple[Future[T], Future[T]]) -> None:
    waiting = set(futures)
    while waiting:
        done, waiting = wait(waiting, POLL_SECONDS, "FIRST_COMPLETED")
        for future in done:
            future.result()
        context.progress()


def _cancel(context: StepContext, futures: tuple[Future[T], Future[T]]) -> None:
    """Cancel what still runs until it ends: a cancellation that comes before a statement begins is lost."""
    running = dict(zip(futures, (context.source(), context.target()), strict=True))
    while open_futures := [future for future in running if not future.done()]:
        for future in open_futures:
            with suppress(psycopg.OperationalError):  # a server that takes no connection may take the next
                running[future].cancel_safe()
        wait(open_futures, POLL_SECONDS)


@contextmanager
def reading(connection: Connection, settings: Mapping[str, str]) -> Iterator[None]:
    """Read inside a savepoint with settings of its own; afterwards the session is as it was, whatever happened."""
    with connection.transaction(force_rollback=True):
        for name, value in settings.items():
            connection.execute("select set_config(%s, %s, true)", [name, value])
        yield
