"""A task, run from its spec to its last state.

The same command, run again after any end but success, continues: it takes the plan from the journal and what is done
from the target's marks.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from dtsrun.api import Endpoint, Spec
from dtsrun.engine.ends import SIDES, home_folder, read_spec, task_folder
from dtsrun.engine.face import Confirm, Ended, Listener, RunOptions
from dtsrun.engine.lock import runner_lock
from dtsrun.engine.run import Run
from dtsrun.journal import Journal
from dtsrun.registry import Registry


def run_task(spec_path: Path, options: RunOptions, listener: Listener, confirm: Confirm) -> Ended:
    """Check both ends and migrate; continue what an earlier run left.

    Raises:
        SpecError, PluginError, AccessError, MigrationError: the run could not begin, or could not go on.
        Interrupted: the user stopped it.
    """
    spec, registry = read_spec(spec_path)
    spec = _kept(spec, registry) if options.keep else spec
    home = home_folder()
    with ExitStack() as stack:
        journal = stack.enter_context(Journal.open(home))
        stack.enter_context(runner_lock(task_folder(home, spec.task.name), spec.task.name))
        known = journal.task(spec.task.name)
        if known and known.state == "succeeded" and known.digest == spec.digest and not options.restart:
            return Ended(spec.task.name, home, already_done=True)
        return Run(spec, registry, journal, options, listener, confirm).run(known)


def _kept(spec: Spec, registry: Registry) -> Spec:
    """Return the spec with `keep` set at the ends that can keep their server."""
    source, target = (_kept_endpoint(spec.endpoint(side), registry) for side in SIDES)
    return replace(spec, source=source, target=target)


def _kept_endpoint(endpoint: Endpoint, registry: Registry) -> Endpoint:
    properties = registry.get(f"access.{endpoint.access_type}").options.get("properties", {})
    return replace(endpoint, access={**endpoint.access, "keep": True}) if "keep" in properties else endpoint
