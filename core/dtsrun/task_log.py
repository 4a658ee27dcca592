"""The log of a task: JSON lines in its own file, for programs and for whoever looks for a cause later.

Nothing goes to the terminal, and nothing that could be a secret goes into the file: a password that stands in a
libpq connection string or URL is replaced wherever it appears, whoever wrote it there.
"""

from __future__ import annotations

import json
import os
import re
import threading
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TextIO

HIDDEN: Final = "***"
_SECRET_KEY: Final = re.compile(r"pass(word|wd|phrase|file)?$|secret|token|credential", re.IGNORECASE)
_SECRET_TEXT: Final = (
    re.compile(r"(\b(?:ssl)?password\s*=\s*)('(?:[^'\\]|\\.)*'|\S+)", re.IGNORECASE),
    re.compile(r"(\bpassword\s+)('(?:[^']|'')*')", re.IGNORECASE),
    re.compile(r"(\b[a-z][a-z0-9+]*://[^/\s:@]*:)([^/\s]+)(?=@)", re.IGNORECASE),
)
"""`password=...` of a conninfo, `PASSWORD '...'` of CREATE ROLE, `postgresql://user:...@host`."""


class Log:
    """Writes events into the file of the task that runs; where none does, they go nowhere."""

    def __init__(self, **fields: Any) -> None:
        """Args: fields: what stands in every line, beside `at`, `level` and `event`."""
        self._fields = fields

    def info(self, event: str, **fields: Any) -> None:
        """Write what happens as it should."""
        _file.write({**self._fields, **fields, "event": event, "level": "info"})

    def warning(self, event: str, **fields: Any) -> None:
        """Write what somebody may want to look into."""
        _file.write({**self._fields, **fields, "event": event, "level": "warning"})

    def exception(self, event: str, **fields: Any) -> None:
        """Write what broke, with the traceback of the exception that is being handled."""
        trace = traceback.format_exc().rstrip()
        _file.write({**self._fields, **fields, "event": event, "level": "error", "exception": trace})


class _File:
    """Where lines go now. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stream: TextIO | None = None

    def turn_to(self, stream: TextIO | None) -> TextIO | None:
        """Let lines go to another stream, or nowhere; return the one before."""
        with self._lock:
            before, self._stream = self._stream, stream
        return before

    def write(self, event: Mapping[str, Any]) -> None:
        """Write an event as one line, without secrets."""
        if self._stream is None:
            return
        at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        line = json.dumps({**_clean_mapping(event), "at": at}, ensure_ascii=False, default=str)
        with self._lock:
            if self._stream is not None:
                self._stream.write(f"{line}\n")


_file: Final = _File()


@contextmanager
def configure_task_log(path: Path) -> Iterator[None]:
    """Send every event to a file, for its owner alone, until the context is left.

    Events of other runs of the task stay before them. Raises OSError where the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "a", encoding="utf-8", buffering=1) as stream:
        before = _file.turn_to(stream)
        try:
            yield
        finally:
            _file.turn_to(before)


def hide_secrets(text: str) -> str:
    """Return a text with the passwords of connection strings, URLs and CREATE ROLE replaced."""
    for pattern in _SECRET_TEXT:
        text = pattern.sub(rf"\g<1>{HIDDEN}", text)
    return text


def _clean_mapping(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: HIDDEN if _SECRET_KEY.search(str(key)) else _clean(value) for key, value in values.items()}


def _clean(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _clean_mapping(value)
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_clean(item) for item in value]
    return value if value is None or isinstance(value, (bool, int, float)) else hide_secrets(str(value))
