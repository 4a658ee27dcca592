"""A runner that is killed in any phase of completion is followed by one that completes, and nothing is lost or left.

A plugin of the spec kills the runner where a file says so: at the beginning of a phase, when the one before has done
its work, and when half of what was made is removed.
"""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from psycopg import sql
from runs import Bench, eventually, is_message
from writers import SEED, Application

PHASES = ("waiting", "gating", "fencing", "draining", "proving", "aligning", "verifying", "removing", "half removed")
"""As `dtsrun.engine.completing` names them, and the middle of the last one."""

DEADLY = """
import os
import signal
from pathlib import Path

from dtsrun.engine import following
from dtsrun.engine.completing import Completing

begin, undo = Completing.begin, following.undo

def die_in(phase):
    fatal = Path(__file__).with_name("dies_in")
    if fatal.exists() and fatal.read_text() == phase:
        fatal.unlink()
        os.kill(os.getpid(), signal.SIGKILL)

def begin_and_die(self, phase):
    begin(self, phase)
    die_in(phase)

def die_and_undo(*arguments, **options):
    die_in("half removed")
    undo(*arguments, **options)

Completing.begin = begin_and_die
following.undo = die_and_undo
"""


LIFTED = {
    "read_only": "alter database shop reset default_transaction_read_only",
    "connections": "grant connect on database shop to public",
}
"""What takes a fence down that a completed task leaves on the source."""


@pytest.mark.parametrize(
    ("engine", "fence"),
    [("subscription", "read_only"), pytest.param("stream", "connections", marks=pytest.mark.matrix)],
)
def test_the_next_one_completes(bench: Bench, application: Callable[..., Application], engine: str, fence: str) -> None:
    bench.on_source(None, sql.SQL("create database shop"))
    bench.on_source("shop", SEED)
    plugin, fatal = bench.write("deadly.py", DEADLY), bench.folder / "dies_in"
    spec = spec_of(bench, engine, fence, plugin)
    app = application()
    running = bench.start(spec, "--yes")
    assert running.wait_for(is_message("syncing")), running.end().said
    before = app.commits
    eventually(lambda: app.commits > before + 100)
    with bench.journal() as journal:
        fatal.write_text(PHASES[0])
        journal.requests.ask("move", "complete")
        died_in = [PHASES[0]]
        assert running.end().code == -signal.SIGKILL
        for phase in PHASES[1:]:
            fatal.write_text(phase)
            # What was begun goes on by itself.
            running = bench.start(spec, "--yes")
            assert running.end().code == -signal.SIGKILL, phase
            assert not fatal.exists()
            died_in.append(phase)
            if PHASES.index(phase) == PHASES.index("fencing"):
                app.stop()  # the fence is to be raised; who writes on is another scenario's
    done = bench.run(spec, "--yes")
    assert done.code == 0, done.said
    bench.on_source(None, sql.SQL(LIFTED[fence]))
    bench.on_source("shop", "refresh materialized view public.total")
    assert bench.differences() == []
    assert bench.leftovers() == {}
    for on_end in (bench.on_source, bench.on_target):
        assert on_end("shop", "select from pg_publication") == []
        assert on_end("shop", "select from pg_class where relreplident in ('f', 'i') and relnamespace = 2200") == []
    assert bench.on_target(None, "select from pg_subscription") == []
    assert bench.run("show", "move").code == 0


def spec_of(bench: Bench, engine: str, fence: str, plugin: Path) -> Path:
    """A full and incremental move under a fence."""
    ends = {"source": bench.endpoint(bench.source), "target": bench.endpoint(bench.target)}
    stages = {"incremental": {"engine": engine}, "complete": {"fence": fence}}
    migration = {"type": "full_incremental", "stages": stages}
    return bench.spec(**ends, plugins=[f"./{plugin.name}"], migration=migration)
