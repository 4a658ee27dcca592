"""A runner that outlives the terminal: started in a session of its own, and watched until it stands on its feet."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from dtsrun.engine.ends import home_folder, read_spec, task_folder
from dtsrun.engine.lock import busy, holder
from dtsrun.journal import Journal, TaskRecord

ON_ITS_FEET: Final = frozenset({"scheduled", "running", "syncing", "completing"})
"""States from which on a runner is left alone: its spec was read, both ends were opened, nothing stands in its way."""

LOOK_SECONDS: Final = 0.2
STOP_SECONDS: Final = 30.0


class DetachedRunner:
    """A runner in the background. It inherits the environment, and with it what references to passwords name."""

    def __init__(self, spec_path: Path, flags: Sequence[str]) -> None:
        """Start it.

        Raises:
            SpecError, PluginError: the spec cannot be read; nothing was started.
            TaskBusyError: somebody works at the task already.
        """
        spec, _ = read_spec(spec_path)
        self.task: str = spec.task.name
        self.home = home_folder()
        folder = task_folder(self.home, self.task)
        if (who := holder(folder)) is not None:
            raise busy(self.task, who)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.output = folder / "output.log"
        self._offset = self.output.stat().st_size if self.output.exists() else 0
        with Journal.open(self.home) as journal:
            self._event = max((event.id for event in journal.events(self.task)), default=0)
        self._process = self._start(spec_path, flags)

    @property
    def name(self) -> str:
        """host:pid, as the journal names the runner."""
        return f"{socket.gethostname()}:{self._process.pid}"

    def begin(self) -> Iterator[str]:
        """Yield what the runner has to say until it stands on its feet, or has ended. Ctrl-C ends it."""
        try:
            with Journal.open(self.home) as journal:
                while self._process.poll() is None:
                    yield from self._said(journal)
                    if self._is_on_its_feet(journal.task(self.task)):
                        return
                    time.sleep(LOOK_SECONDS)
        except BaseException:
            self._end()
            raise

    @property
    def exit_code(self) -> int | None:
        """How it ended, None while it runs."""
        return self._process.poll()

    def shown(self) -> str:
        """Return what it wrote for people."""
        with self.output.open("rb") as stream:
            stream.seek(self._offset)
            return stream.read().decode("utf-8", "replace").rstrip("\n")

    def _start(self, spec_path: Path, flags: Sequence[str]) -> subprocess.Popen[bytes]:
        descriptor = os.open(self.output, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
        # -P: what lies in the folder where the user happens to be is not imported in place of a module.
        command = [sys.executable, "-P", "-m", "dtsrun", "run", str(spec_path.resolve()), "--quiet", *flags]
        try:
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=descriptor, stderr=descriptor, start_new_session=True
            )
        finally:
            os.close(descriptor)

    def _said(self, journal: Journal) -> Iterator[str]:
        for event in journal.events(self.task, after=self._event):
            self._event = event.id
            yield event.message

    def _is_on_its_feet(self, task: TaskRecord | None) -> bool:
        return task is not None and task.runner == self.name and task.state in ON_ITS_FEET

    def _end(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
