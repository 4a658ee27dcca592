"""The report as JSON, for programs: every figure as it is, times in ISO 8601 with their offset."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any

from dtsrun.report.data import Report


def report_json(report: Report, *, indent: int | None = 2) -> str:
    """Return the report as one JSON document; `indent=None` gives one line."""
    return json.dumps(as_values({"dtsrun_report": 1, **_shallow(report)}), indent=indent, ensure_ascii=False)


def as_values(data: Any) -> Any:
    """Return frozen values as plain JSON values, keys as they are named in Python."""
    if is_dataclass(data) and not isinstance(data, type):
        return as_values(_shallow(data))
    if isinstance(data, Mapping):
        return {str(key): as_values(value) for key, value in data.items()}
    if isinstance(data, (list, tuple, set, frozenset)):
        return [as_values(item) for item in data]
    if isinstance(data, datetime):
        return data.isoformat()
    return data if data is None or isinstance(data, (bool, int, float, str)) else str(data)


def _shallow(data: Any) -> dict[str, Any]:
    return {field.name: getattr(data, field.name) for field in fields(data)}
