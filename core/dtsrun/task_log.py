"""The log of a task: JSON lines in its own file, for programs and for whoever looks for a cause later.

Nothing goes to the terminal, and nothing that could be a secret goes into the file: a password that stands in a
libpq connection string or URL is replaced wherever it appears, whoever wrote it there.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor, WrappedLogger

HIDDEN: Final = "***"
_SECRET_KEY: Final = re.compile(r"pass(word|wd|phrase|file)?$|secret|token|credential", re.IGNORECASE)
_SECRET_TEXT: Final = (
    re.compile(r"(\b(?:ssl)?password\s*=\s*)('(?:[^'\\]|\\.)*'|\S+)", re.IGNORECASE),
    re.compile(r"(\bpassword\s+)('(?:[^']|'')*')", re.IGNORECASE),
    re.compile(r"(\b[a-z][a-z0-9+]*://[^/\s:@]*:)([^/\s]+)(?=@)", re.IGNORECASE),
)
"""`password=...` of a conninfo, `PASSWORD '...'` of CREATE ROLE, `postgresql://user:...@host`."""


def get_log(**fields: Any) -> Any:
    """Return a logger of structlog with fields that stand in every line.

    structlog imports a hundred modules, which commands that run no task can do without.
    """
    import structlog

    return structlog.get_logger(**fields)


@contextmanager
def configure_task_log(path: Path) -> Iterator[None]:
    """Send every structlog event to a file, for its owner alone, until the context is left.

    Events of other runs of the task stay before them. Raises OSError where the file cannot be written.
    """
    import structlog

    before = structlog.get_config()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "a", encoding="utf-8", buffering=1) as stream:
        _write_to(stream)
        try:
            yield
        finally:
            structlog.configure(**before)


def _write_to(stream: TextIO) -> None:
    import structlog

    structlog.configure(
        processors=_processors(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        context_class=dict,
        logger_factory=structlog.WriteLoggerFactory(stream),
        # A logger that remembers its file would write into a closed one in the next task of this process.
        cache_logger_on_first_use=False,
    )


def _processors() -> list[Processor]:
    import structlog

    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        without_secrets,
        structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
    ]


def without_secrets(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Replace what could be a secret in an event, at any depth."""
    return _clean_mapping(event)


def hide_secrets(text: str) -> str:
    """Return a text with the passwords of connection strings, URLs and CREATE ROLE replaced."""
    for pattern in _SECRET_TEXT:
        text = pattern.sub(rf"\g<1>{HIDDEN}", text)
    return text


def _clean_mapping(values: Mapping[str, Any]) -> MutableMapping[str, Any]:
    return {key: HIDDEN if _SECRET_KEY.search(str(key)) else _clean(value) for key, value in values.items()}


def _clean(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _clean_mapping(value)
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_clean(item) for item in value]
    return value if value is None or isinstance(value, (bool, int, float)) else hide_secrets(str(value))
