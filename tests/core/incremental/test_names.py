"""Names of slots: allowed everywhere, the same every time, and never another task's."""

import re

import pytest

from dtsrun.incremental.names import family_name, link_name


@pytest.mark.parametrize("task", ["shop", "Shop-To.Cloud_" + "x" * 50, "9", "a.b", "a-b"])
@pytest.mark.parametrize("database", ["shop", "d" * 63, 'na"me %', "база"])
def test_a_slot_may_have_the_name(task: str, database: str) -> None:
    name = link_name(task, database, 12, 3)
    assert re.fullmatch(r"[a-z0-9_]{1,63}", name)
    assert name.startswith(family_name(task, database) + "_")
    assert name == link_name(task, database, 12, 3)


def test_tasks_and_databases_that_look_alike_are_kept_apart() -> None:
    names = {link_name(task, database, 1) for task in ("a.b", "a-b", "A.b") for database in ("x", "X")}
    assert len(names) == 6
