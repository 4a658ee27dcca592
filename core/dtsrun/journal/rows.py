"""Rows of the journal's tables, as the values that they stand for."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import IO, Any, Final

from dtsrun.api import CheckResult, Finding, Fix, Outcome, Severity
from dtsrun.journal.records import EventRecord, StepRecord, TaskRecord

PIECE_BYTES: Final = 64 * 1024
"""Of a plan that is read back, at once: as text it is some ten times as long."""


def pack(records: Iterable[Mapping[str, Any]], into: IO[bytes]) -> int:
    """Write records as compressed lines of JSON, without ever holding the whole; return how many bytes that are."""
    packing = zlib.compressobj(1)
    for record in records:
        into.write(packing.compress(json.dumps(record, default=str).encode() + b"\n"))
    into.write(packing.flush())
    return into.tell()


def unpacked(packed: bytes) -> Iterator[dict[str, Any]]:
    """Yield the records that were packed. Raises zlib.error: they are cut off."""
    for line in _lines(packed):
        found = json.loads(line)
        # Tasks that began before plans were kept line by line have one line: a list.
        yield from found if isinstance(found, list) else [found]


def _lines(packed: bytes) -> Iterator[bytes]:
    unpacking = zlib.decompressobj()
    rest = b""
    for start in range(0, len(packed), PIECE_BYTES):
        *lines, rest = (rest + unpacking.decompress(packed[start : start + PIECE_BYTES])).split(b"\n")
        yield from lines
    rest += unpacking.flush()
    if not unpacking.eof:
        raise zlib.error("the plan in the journal is cut off")
    yield from filter(None, rest.split(b"\n"))


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def task_of(row: sqlite3.Row) -> TaskRecord:
    """Return a task."""
    fields = {**dict(row), "started_at": datetime.fromisoformat(row["started_at"])}
    return TaskRecord(**{**fields, "finished_at": _time(row["finished_at"]), "summary": json.loads(row["summary"])})


def step_of(row: sqlite3.Row) -> StepRecord:
    """Return a step."""
    fields = {key: row[key] for key in row.keys() if key != "task"}  # noqa: SIM118 - a Row iterates over its values
    return StepRecord(**{**fields, "started_at": _time(row["started_at"]), "finished_at": _time(row["finished_at"])})


def event_of(row: sqlite3.Row) -> EventRecord:
    """Return an event."""
    fields = {key: row[key] for key in row.keys() if key != "task"}  # noqa: SIM118 - a Row iterates over its values
    return EventRecord(**{**fields, "at": datetime.fromisoformat(row["at"]), "data": json.loads(row["data"])})


def check_result_of(data: Mapping[str, Any]) -> CheckResult:
    """Return what came of a check."""
    findings = tuple(_finding(item) for item in data["findings"])
    return CheckResult(**{**data, "outcome": Outcome(data["outcome"]), "findings": findings})


def _finding(data: Mapping[str, Any]) -> Finding:
    fix = data["fix"] and Fix(**{**data["fix"], "sql": tuple(data["fix"]["sql"])})
    severity = data["severity"] and Severity(data["severity"])
    return Finding(**{**data, "fix": fix, "severity": severity})
