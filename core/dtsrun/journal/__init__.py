"""A task's memory on the runner: one SQLite file for all tasks of a user, readable by that user alone.

It is for people (what happened, how long it took), for control (another terminal asks the running process to stop)
and for cleaning up (what was made on the servers). Whether a step is *done* is remembered by the target itself, in
`dtsrun.marks`; where the two differ, the marks win.
"""

from dtsrun.journal.file import Journal
from dtsrun.journal.records import Creation, EventRecord, StepRecord, TaskRecord
from dtsrun.journal.requests import Request, Requests

__all__ = ["Creation", "EventRecord", "Journal", "Request", "Requests", "StepRecord", "TaskRecord"]
