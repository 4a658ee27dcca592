"""What happened to a task, one line an event."""

from __future__ import annotations

import json

from dtsrun.journal import EventRecord
from dtsrun.report.figures import moment_text


def event_text(event: EventRecord) -> str:
    """Return an event for people; lines after the first are indented."""
    first, *more = event.message.splitlines() or [""]
    step = f"  [{event.step}]" if event.step else ""
    head = f"{moment_text(event.at)}  {event.kind:<9}  {first}{step}"
    return "\n".join([head, *(f"    {line}" for line in more)])


def event_json(event: EventRecord) -> str:
    """Return an event as one line of JSON."""
    values = {
        "id": event.id,
        "at": event.at.isoformat(),
        "kind": event.kind,
        "step": event.step,
        "message": event.message,
        "data": dict(event.data),
    }
    return json.dumps(values, ensure_ascii=False)
