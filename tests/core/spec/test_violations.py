"""All that is wrong is told at once, in order, and travels between processes."""

from __future__ import annotations

import pickle

from dtsrun.errors import SpecError
from dtsrun.spec import InvalidSpec, Violation
from dtsrun.spec.violations import SHOWN_AT_MOST, pointer


def made(line: int, message: str = "wrong", hint: str = "") -> Violation:
    return Violation("spec.yaml", line, 1, "/a", message, hint)


def test_the_headline_counts_and_one_line_follows_for_each_by_place() -> None:
    error = InvalidSpec("spec.yaml", [made(9), made(2), made(10)])
    assert str(error).splitlines() == [
        "spec.yaml: 3 violations",
        "spec.yaml:2:1: /a: wrong",
        "spec.yaml:9:1: /a: wrong",
        "spec.yaml:10:1: /a: wrong",
    ]


def test_one_is_a_violation_and_the_same_one_counts_once() -> None:
    assert str(InvalidSpec("spec.yaml", [made(2), made(2)])).startswith("spec.yaml: 1 violation\n")


def test_a_document_that_is_wrong_all_over_gives_no_endless_list() -> None:
    error = InvalidSpec("spec.yaml", [made(line) for line in range(1, 200)])
    lines = str(error).splitlines()
    assert len(lines) == SHOWN_AT_MOST + 2
    assert lines[-1] == f"and {199 - SHOWN_AT_MOST} more"
    assert len(error.violations) == 199


def test_it_is_a_spec_error_with_the_first_remedy_as_hint() -> None:
    error = InvalidSpec("spec.yaml", [made(3, hint="later"), made(2, hint="first"), made(1)])
    assert isinstance(error, SpecError)
    assert (error.exit_code, error.hint) == (2, "first")


def test_it_can_be_sent_to_another_process_whole() -> None:
    error = InvalidSpec("spec.yaml", [made(1, hint="do"), made(2)])
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), copy.violations, copy.hint) == (InvalidSpec, str(error), error.violations, "do")


def test_paths_are_json_pointers() -> None:
    assert pointer(("a/b", 0, "c~d")) == "/a~1b/0/c~0d"
    assert pointer(()) == ""
