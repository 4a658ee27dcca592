"""A runner's temporary files: in the task's own folder, where the next one finds what a killed one left."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FOLDER = "tmp"


@contextmanager
def temporary_files(task_folder: Path) -> Iterator[Path]:
    """Let this process make its temporary files (definitions of a database, say) below a task's folder.

    It is emptied before and removed afterwards, so that nothing of them outlives the next command about the task. For
    whoever holds the task's lock.
    """
    folder = task_folder / FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        yield folder
    finally:
        tempfile.tempdir = before
        shutil.rmtree(folder, ignore_errors=True)
