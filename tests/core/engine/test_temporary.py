"""A runner's temporary files lie in its task's folder, and go with it."""

import tempfile
from pathlib import Path

from dtsrun.engine.temporary import temporary_files


def test_what_a_killed_runner_left_is_removed_and_others_files_are_not(tmp_path: Path) -> None:
    task = tmp_path / "tasks" / "move"
    (task / "tmp" / "dtsrun-old").mkdir(parents=True)
    (task / "tmp" / "dtsrun-old" / "definitions.dump").write_text("create table")
    (task / "report.html").write_text("<html>")
    before = tempfile.gettempdir()
    with temporary_files(task) as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        assert list(folder.iterdir()) == []
        with tempfile.TemporaryDirectory() as made:
            assert Path(made).parent == folder
        tempfile.mkdtemp()
    assert tempfile.gettempdir() == before
    assert [path.name for path in task.iterdir()] == ["report.html"]
