"""The journal's file: what is written into it, and read back."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import threading
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Any, Final, Self

from dtsrun.api import (
    Alignment,
    CheckResult,
    Deviation,
    Difference,
    Failure,
    Step,
    StepResult,
)
from dtsrun.errors import DtsrunError
from dtsrun.journal.records import Creation, EventRecord, StepRecord, TaskRecord
from dtsrun.journal.requests import Requests
from dtsrun.journal.rows import check_result_of, event_of, pack, step_of, task_of, unpacked

FILE_NAME: Final = "journal.sqlite3"
BUSY_SECONDS: Final = 30.0

_STATES: Final = {
    "check_passed": "the checks passed",
    "check_failed": "the checks failed",
    "succeeded": "the task succeeded",
    "failed": "the task failed",
}
"""States that no task *is*, in the words of an event."""

_SAID: Final = ("failure", "deviation", "difference", "alignment")
"""Tables of what steps have to say."""


class Journal:
    """The journal of all tasks. Safe to use from several threads."""

    def __init__(self, connection: sqlite3.Connection, home: Path) -> None:
        self._connection = connection
        self._lock = threading.RLock()
        self.home = home

    @classmethod
    def open(cls, home: Path) -> Self:
        """Open the journal of a state folder, made if it is not there.

        Raises:
            DtsrunError: the file cannot be made or is not a journal.
        """
        path = home / FILE_NAME
        try:
            home.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            connection.row_factory = sqlite3.Row
            connection.execute("pragma journal_mode = wal")
            connection.execute("pragma synchronous = normal")
            connection.executescript(files("dtsrun.journal").joinpath("tables.sql").read_text())
            _refuse_older(connection)
        except (OSError, sqlite3.Error) as error:
            raise DtsrunError(
                f"the journal cannot be opened: {error}", where=str(path), hint="set DTSRUN_HOME to a folder of yours"
            ) from error
        return cls(connection, home)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    # --- tasks -------------------------------------------------------------------------------------------------

    def tasks(self) -> list[TaskRecord]:
        """Return all tasks, the newest first."""
        return [task_of(row) for row in self._all("select * from task order by started_at desc")]

    def task(self, name: str) -> TaskRecord | None:
        """Return a task by its name."""
        rows = self._all("select * from task where name = ?", name)
        return task_of(rows[0]) if rows else None

    def begin_task(self, name: str, *, spec_path: Path, digest: str, migration_type: str, runner: str) -> TaskRecord:
        """Begin a task, or a new run of it; a finished one of the same name makes room."""
        with self._lock:
            known = self.task(name)
            if known is None:
                self._run(
                    "insert into task (name, id, state, spec_path, digest, migration_type, started_at, runner)"
                    " values (?, ?, 'creating', ?, ?, ?, ?, ?)",
                    name, str(uuid.uuid4()), str(spec_path), digest, migration_type, _now(), runner,
                )  # fmt: skip
            else:
                self._run(
                    "update task set runner = ?, spec_path = ?, digest = ?, migration_type = ?, finished_at = null"
                    " where name = ?",
                    runner, str(spec_path), digest, migration_type, name,
                )  # fmt: skip
        task = self.task(name)
        assert task is not None
        return task

    def forget_task(self, name: str) -> None:
        """Remove a task and all that is remembered of it."""
        with self._transaction():
            for table in (*_SAID, "step", "event", "check_result", "creation", "request"):
                self._run(f"delete from {table} where task = ?", name)  # noqa: S608 - names from the line above
            self._run("delete from plan where task = ?", name)
            self._run("delete from task where name = ?", name)

    def set_state(self, name: str, state: str) -> None:
        """Set a task's state; the final ones are stamped."""
        finished = _now() if state in ("succeeded", "failed", "stopped", "check_failed") else None
        self._run("update task set state = ?, finished_at = ? where name = ?", state, finished, name)
        self.event(name, "state", _STATES.get(state, f"the task is {state}"), data={"state": state})

    def set_summary(self, name: str, **facts: Any) -> None:
        """Add facts to what the report is made of."""
        with self._lock:
            task = self.task(name)
            merged = {**(task.summary if task else {}), **facts}
            self._run("update task set summary = ? where name = ?", json.dumps(merged, default=str), name)

    # --- plan and steps ----------------------------------------------------------------------------------------

    def save_plan(self, name: str, steps: Iterable[Step], records: Iterable[Mapping[str, Any]]) -> None:
        """Remember the plan, so that a later run continues the same work; when steps of the plan before were done stays
        known."""
        with TemporaryFile() as text:
            size = pack(records, text)
            text.seek(0)
            self._save_plan(name, steps, text, size)

    def _save_plan(self, name: str, steps: Iterable[Step], text: IO[bytes], size: int) -> None:
        with self._transaction():
            done = self._all(
                "select started_at, finished_at, worker, message, task, key from step"
                " where task = ? and state = 'done' and started_at is not null",
                name,
            )
            self._run("delete from step where task = ?", name)
            self._run("delete from plan where task = ?", name)
            self._run("insert into plan (task, data) values (?, zeroblob(?))", name, size)
            row = self._all("select rowid from plan where task = ?", name)[0]
            with self._connection.blobopen("plan", "data", row["rowid"]) as blob:
                shutil.copyfileobj(text, blob)
            self._connection.executemany(
                "insert into step (task, key, stage, plugin, title, database, lane, size, tables)"
                " values (?,?,?,?,?,?,?,?,?)",
                ((name, s.key, s.stage, s.plugin, s.title, s.database, s.lane.value, s.size, s.tables) for s in steps),
            )
            self._connection.executemany(
                "update step set started_at = ?, finished_at = ?, worker = ?, message = ? where task = ? and key = ?",
                map(tuple, done),
            )

    def plan(self, name: str) -> Iterator[dict[str, Any]] | None:
        """Return the remembered plan as `Plan.records` gave it, one step after the other."""
        rows = self._all("select data from plan where task = ?", name)
        return unpacked(rows[0]["data"]) if rows else None

    def steps(self, name: str) -> list[StepRecord]:
        """Return all steps of a task in the plan's order."""
        return [step_of(row) for row in self._all("select * from step where task = ? order by rowid", name)]

    def step_started(self, name: str, key: str, worker: str, epoch: int | None) -> None:
        """Remember that a step runs."""
        self._run(
            "update step set state = 'running', worker = ?, started_at = ?, finished_at = null, epoch = ?,"
            " message = '', rows = 0, bytes = 0 where task = ? and key = ?",
            worker, _now(), epoch, name, key,
        )  # fmt: skip

    def steps_progress(self, name: str, figures: Mapping[str, tuple[int, int]]) -> None:
        """Remember how many rows and bytes steps that run have done by now."""
        with self._transaction():
            self._connection.executemany(
                "update step set rows = ?, bytes = ? where task = ? and key = ? and state = 'running'",
                [(rows, size, name, key) for key, (rows, size) in figures.items()],
            )

    def step_finished(self, name: str, key: str, state: str, result: StepResult | None, message: str = "") -> None:
        """Remember how a step ended, with all that it has to say."""
        result = result or StepResult()
        with self._transaction():
            self._run(
                "update step set state = ?, finished_at = ?, rows = ?, bytes = ?, message = ?"
                " where task = ? and key = ?",
                state, _now(), result.rows, result.bytes, message, name, key,
            )  # fmt: skip
            for table in _SAID:
                self._run(f"delete from {table} where task = ? and step = ?", name, key)  # noqa: S608
            self._add("failure", name, key, result.failures)
            self._add("deviation", name, key, result.deviations)
            self._add("difference", name, key, result.differences)
            self._add("alignment", name, key, result.alignments)

    def forget_results(self, name: str, stages: Iterable[str]) -> None:
        """Forget what the steps of some stages had to say when they last ran: they are about to run anew."""
        with self._transaction():
            for stage in stages:
                for table in _SAID:
                    self._run(
                        f"delete from {table} where task = ? and step in"  # noqa: S608
                        " (select key from step where task = ? and stage = ?)",
                        name, name, stage,
                    )  # fmt: skip

    def step_known_done(self, name: str, key: str, rows: int, size: int, epoch: int | None) -> None:
        """Take over from the target's marks that a step is done."""
        self._run(
            "update step set state = 'done', rows = ?, bytes = ?, epoch = ?, finished_at = coalesce(finished_at, ?)"
            " where task = ? and key = ?",
            rows, size, epoch, _now(), name, key,
        )  # fmt: skip

    def step_blocked(self, name: str, key: str, message: str) -> None:
        """Remember that a step cannot run, since one that it waits for failed."""
        self._run("update step set state = 'blocked', message = ? where task = ? and key = ?", message, name, key)

    def step_put_back(self, name: str, key: str) -> None:
        """Remember that a step was broken off and rolled back: it waits again."""
        self._run(
            "update step set state = 'waiting', started_at = null, rows = 0, bytes = 0 where task = ? and key = ?",
            name, key,
        )  # fmt: skip

    # --- what was said -----------------------------------------------------------------------------------------

    def event(
        self, name: str, kind: str, message: str, *, step: str | None = None, data: Mapping[str, Any] | None = None
    ) -> None:
        """Add an event."""
        self._run(
            "insert into event (task, at, kind, step, message, data) values (?, ?, ?, ?, ?, ?)",
            name, _now(), kind, step, message, json.dumps(data or {}, default=str),
        )  # fmt: skip

    def events(self, name: str, after: int = 0) -> list[EventRecord]:
        """Return a task's events in order, those after a given id."""
        return [
            event_of(row) for row in self._all("select * from event where task = ? and id > ? order by id", name, after)
        ]

    def open_drifts(self, name: str) -> list[EventRecord]:
        """Return what was told to have drifted and is not mended, in the order in which it was told."""
        events = self.events(name)
        mended = {event.data.get("drift") for event in events if event.kind == "repaired"}
        return [event for event in events if event.kind == "drift" and event.id not in mended]

    def save_checks(self, name: str, results: Iterable[CheckResult]) -> None:
        """Remember what came of the prechecks, instead of what was remembered before."""
        with self._transaction():
            self._run("delete from check_result where task = ?", name)
            self._add("check_result", name, "", results)

    def findings(self, name: str) -> list[CheckResult]:
        """Return what came of the prechecks."""
        return [check_result_of(data) for data in self._data("check_result", name)]

    def differences(self, name: str) -> list[Difference]:
        """Return what verification found."""
        return [Difference(**data) for data in self._data("difference", name)]

    def deviations(self, name: str) -> list[Deviation]:
        """Return what was knowingly done otherwise than on the source."""
        return [Deviation(**data) for data in self._data("deviation", name)]

    def deviate(self, name: str, key: str, deviations: Iterable[Deviation]) -> None:
        """Remember what is otherwise without a step, instead of what was remembered under the same key."""
        with self._transaction():
            self._run("delete from deviation where task = ? and step = ?", name, key)
            self._add("deviation", name, key, deviations)

    def align(self, name: str, key: str, alignments: Iterable[Alignment]) -> None:
        """Remember what was aligned without a step, instead of what was remembered under the same key."""
        with self._transaction():
            self._run("delete from alignment where task = ? and step = ?", name, key)
            self._add("alignment", name, key, alignments)

    def alignments(self, name: str) -> Mapping[str, Sequence[Alignment]]:
        """Return what the cutover brought up to date, by step."""
        found: dict[str, list[Alignment]] = {}
        for row in self._all("select step, data from alignment where task = ? order by rowid", name):
            found.setdefault(row["step"], []).append(Alignment(**json.loads(row["data"])))
        return found

    def failures(self, name: str) -> list[tuple[str, Failure]]:
        """Return what could not be moved: the step's key and the failure."""
        rows = self._all("select step, data from failure where task = ? order by rowid", name)
        return [(row["step"], Failure(**json.loads(row["data"]))) for row in rows]

    # --- what was made -----------------------------------------------------------------------------------------

    def created(self, name: str, made: Creation) -> None:
        """Remember, before it is made, something that outlives a step. What is remembered already stays as it is: the
        first word knows what was there before us."""
        self._run(
            "insert or ignore into creation (task, side, what, name, database, undo) values (?, ?, ?, ?, ?, ?)",
            name, made.side, made.what, made.name, made.database or "", made.undo,
        )  # fmt: skip

    def creations(self, name: str) -> list[Creation]:
        """Return what the task made, the oldest first."""
        rows = self._all("select side, what, name, database, undo from creation where task = ? order by rowid", name)
        return [Creation(**{**dict(row), "database": row["database"] or None}) for row in rows]

    def removed(self, name: str, creation: Creation) -> None:
        """Remember that something made is gone."""
        self._run(
            "delete from creation where task = ? and side = ? and what = ? and name = ? and database = ?",
            name, creation.side, creation.what, creation.name, creation.database or "",
        )  # fmt: skip

    # --- control -----------------------------------------------------------------------------------------------

    @property
    def requests(self) -> Requests:
        """What other terminals ask of running processes."""
        return Requests(self._all)

    # --- inner -------------------------------------------------------------------------------------------------

    def _run(self, statement: str, *values: Any) -> None:
        with self._lock:
            self._connection.execute(statement, values)

    def _all(self, statement: str, *values: Any) -> list[sqlite3.Row]:
        with self._lock:
            return self._connection.execute(statement, values).fetchall()

    def _add(self, table: str, name: str, step: str, items: Iterable[Any]) -> None:
        statement = f"insert into {table} (task, step, data) values (?, ?, ?)"  # noqa: S608 - our own names
        rows = [(name, step, json.dumps(asdict(item), default=str)) for item in items]
        with self._lock:
            self._connection.executemany(statement, rows)

    def _data(self, table: str, name: str) -> list[dict[str, Any]]:
        rows = self._all(f"select data from {table} where task = ? order by rowid", name)  # noqa: S608 - our own names
        return [json.loads(row["data"]) for row in rows]

    def _transaction(self) -> _Transaction:
        return _Transaction(self._connection, self._lock)


def _refuse_older(connection: sqlite3.Connection) -> None:
    """Refuse a journal whose tables are of an earlier version of dtsrun, rather than stumble over them later."""
    columns = {
        row["name"]
        for table in ("creation", "request", "step")
        for row in connection.execute(f"pragma table_info({table})")
    }
    if not {"undo", "arguments", "tables"} <= columns:
        raise sqlite3.DatabaseError("it was written by an earlier version; move it away, or finish its tasks with that")


class _Transaction:
    """A SQLite transaction that holds the journal's lock."""

    def __init__(self, connection: sqlite3.Connection, lock: threading.RLock) -> None:
        self._connection = connection
        self._lock = lock

    def __enter__(self) -> None:
        self._lock.acquire()
        self._connection.execute("begin immediate")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        try:
            self._connection.execute("rollback" if kind else "commit")
        finally:
            self._lock.release()


def _now() -> str:
    return datetime.now(UTC).isoformat()
