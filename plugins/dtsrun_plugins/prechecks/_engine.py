"""What checks have to know of the engine that will carry changes."""

from __future__ import annotations

from dtsrun.api import CheckContext, SkipCheck


def must_pull(context: CheckContext) -> None:
    """Go on only where the target's server pulls the changes by subscriptions. Raises SkipCheck."""
    engine = context.spec.stages.get("incremental", {}).get("engine", "subscription")
    if engine != "subscription":
        raise SkipCheck(f"engine {engine} makes no subscription")
