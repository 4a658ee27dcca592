"""The connectivity test as a user asks for it: the steps to both ends, their lines, and what a copy would take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psycopg

from dtsrun.api import Connection, MigrationType, ProbeResult, Route, Side, Spec
from dtsrun.engine.ends import SIDES, access_of, probe_side, read_spec
from dtsrun.errors import DtsrunError
from dtsrun.inventory.sizes import selected_bytes
from dtsrun.postgres.line import measure_line
from dtsrun.postgres.session import connect
from dtsrun.postgres.sqlstate import describe
from dtsrun.registry import Registry

Bound = Literal["source", "target", "rate_limit"]


@dataclass(frozen=True, kw_only=True, slots=True)
class CopyEstimate:
    """What the lines alone make of the copy; servers and indexes may take longer."""

    step: Literal["estimate"] = "estimate"
    bytes: int | None
    """Of the tables that are selected; None where that cannot be known."""
    seconds: float | None = None
    bytes_per_second: float | None = None
    bound: Bound | None = None
    """What is slowest: an end's line, or the spec's own limit."""
    problem: str = ""
    """Why it is not known."""


def try_both_ends(spec_path: Path, *, measure: bool = True) -> Iterator[ProbeResult | CopyEstimate]:
    """Test the way to both ends; then measure their lines, and tell what the copy would take.

    Args:
        measure: False for the steps alone.
    """
    spec, registry = read_spec(spec_path)
    rates: dict[Bound, float] = {}
    size: int | str = 0
    for side in SIDES:
        reached = True
        for result in probe_side(spec, registry, side):
            reached = reached and result.status == "ok"
            yield result
        if not (measure and reached):
            continue
        line, known = _measured(spec, registry, side)
        size = known if side == "source" else size
        if line.status == "ok":
            rates[side] = line.figures["bytes_per_second"]
        yield line
    if set(rates) == set(SIDES) and spec.migration_type is not MigrationType.STRUCTURAL:
        yield _estimate(spec, rates, size)


def _measured(spec: Spec, registry: Registry, side: Side) -> tuple[ProbeResult, int | str]:
    """Return how a line performs and, of the source, how much is selected, or why that is not known."""
    plugin, context = access_of(spec, registry, side)
    try:
        with plugin.open(spec.endpoint(side), context) as route:
            line = measure_line(side, route)
            return line, _size(spec, route) if side == "source" and line.status == "ok" else 0
    except DtsrunError as error:
        message = f"the route does not open again: {error.message}"
        failed = ProbeResult(side=side, step="line", status="failed", seconds=0.0, message=message, hint=error.hint)
        return failed, 0


def _size(spec: Spec, route: Route) -> int | str:
    def opened(database: str | None) -> Connection:
        return connect(route, database, purpose="sizes")

    try:
        return selected_bytes(spec.selection, opened)
    except (psycopg.Error, DtsrunError) as error:
        return describe(error)


def _estimate(spec: Spec, rates: Mapping[Bound, float], size: int | str) -> CopyEstimate:
    if isinstance(size, str):
        return CopyEstimate(bytes=None, problem=size)
    bounds = dict(rates)
    if spec.resources.rate_limit:
        bounds["rate_limit"] = float(spec.resources.rate_limit)
    rate, bound = min((rate, name) for name, rate in bounds.items())
    return CopyEstimate(bytes=size, seconds=round(size / rate, 3), bytes_per_second=rate, bound=bound)
