"""The rows of many small tables, compared in one step: ten thousand steps would cost more than what they do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from dtsrun.api import Step, StepContext, StepResult
from dtsrun.compare_steps import single_steps


def compare_batch(context: StepContext, compare: Callable[[StepContext], StepResult]) -> StepResult:
    """Compare the tables that the step's argument `tables` describes, one after the other.

    Args:
        compare: compares one; its result counts as a part of the step's.
    """
    results = [compare(cast(StepContext, _One(context, step))) for step in single_steps(context.step)]
    return StepResult(
        rows=sum(result.rows for result in results),
        failures=tuple(failure for result in results for failure in result.failures),
        deviations=tuple(deviation for result in results for deviation in result.deviations),
        differences=tuple(found for result in results for found in result.differences),
        detail={"rows": sum(result.rows for result in results)},
    )


@dataclass(frozen=True, slots=True)
class _One:
    """A batch's context as the step of one of its tables sees it."""

    batch: StepContext
    step: Step

    def __getattr__(self, name: str) -> Any:
        return getattr(self.batch, name)
