"""What other terminals ask of the process that runs a task: a part of the journal.

    asked -> accepted -> done | failed        refused, withdrawn

The asking terminal writes a request and waits for its answers; the running process looks for requests, says what it
does about one, and says so again whenever there is news. One that nobody took up is withdrawn by who asked.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from dtsrun.postgres.session import runner_name

ENDED: Final = frozenset({"done", "failed", "refused", "withdrawn"})
"""States after which a request's answer does not change any more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """Something asked of a running process."""

    id: int
    task: str
    what: str
    """`pause`, `complete`, `stop`, ...: an operation of `dtsrun.engine.states`."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    by: str = ""
    """host:pid of who asks."""
    state: str = "asked"
    message: str = ""
    """The latest answer in words."""

    @property
    def is_ended(self) -> bool:
        """Whether no further answer will come."""
        return self.state in ENDED


class Requests:
    """The requests of a journal."""

    def __init__(self, execute: Callable[..., list[sqlite3.Row]]) -> None:
        """Args: execute: runs a statement with values in the journal, and returns its rows."""
        self._execute = execute

    def ask(self, task: str, what: str, arguments: Mapping[str, Any] | None = None) -> int:
        """Ask the running process for something; return the request's number."""
        rows = self._execute(
            "insert into request (task, at, what, arguments, by) values (?, ?, ?, ?, ?) returning id",
            task, _now(), what, json.dumps(dict(arguments or {})), runner_name(),
        )  # fmt: skip
        return int(rows[0]["id"])

    def get(self, number: int) -> Request | None:
        """Return a request as it stands; None where its task was forgotten."""
        rows = self._execute("select * from request where id = ?", number)
        return _request(rows[0]) if rows else None

    def next(self, task: str) -> Request | None:
        """Return the oldest request that was not answered yet."""
        rows = self._execute("select * from request where task = ? and state = 'asked' order by id limit 1", task)
        return _request(rows[0]) if rows else None

    def answer(self, number: int, state: str, message: str = "") -> None:
        """Say what is done about a request. One that was withdrawn, or has its last answer, keeps it."""
        self._execute(
            "update request set state = ?, message = ?, answered_at = ?"
            " where id = ? and state in ('asked', 'accepted')",
            state, message, _now(), number,
        )  # fmt: skip

    def withdraw(self, number: int) -> Request | None:
        """Take a request back unless it was answered meanwhile; return it as it stands."""
        self._execute("update request set state = 'withdrawn' where id = ? and state = 'asked'", number)
        return self.get(number)

    def end_old(self, task: str, message: str) -> None:
        """Give every request that an earlier runner left without its last answer one."""
        self._execute(
            "update request set state = 'failed', message = ?, answered_at = ?"
            " where task = ? and state in ('asked', 'accepted')",
            message, _now(), task,
        )  # fmt: skip


def _request(row: sqlite3.Row) -> Request:
    return Request(
        id=row["id"],
        task=row["task"],
        what=row["what"],
        arguments=json.loads(row["arguments"]),
        by=row["by"],
        state=row["state"],
        message=row["message"],
    )


def _now() -> str:
    return datetime.now(UTC).isoformat()
