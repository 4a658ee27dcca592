"""Plain text lines up, and what is to be copied from it is never cut."""

from __future__ import annotations

from dtsrun.report.columns import WIDTH, columns, paragraph, section


def test_figures_line_up_at_the_right_and_words_at_the_left() -> None:
    rows = [("sales.orders", "1,003,211", "312 MB", "1 h 02 min"), ("x", "7", "-", "12 ms")]
    assert columns(rows, headers=("table", "rows", "bytes", "time"), indent=0) == [
        "table              rows   bytes        time",
        "sales.orders  1,003,211  312 MB  1 h 02 min",
        "x                     7       -       12 ms",
    ]


def test_a_column_with_one_word_in_it_is_a_column_of_words() -> None:
    assert columns([("12",), ("12/77",)], indent=0) == ["12", "12/77"]


def test_no_rows_give_no_headers() -> None:
    assert columns([], headers=("table", "rows")) == []


def test_a_long_name_stays_whole() -> None:
    name = "n" * 300
    assert name in columns([(name, "1")])[0]


def test_no_line_ends_in_blanks() -> None:
    assert columns([("a", "x"), ("b", "")], indent=0) == ["a  x", "b"]


def test_a_paragraph_hangs_below_its_label() -> None:
    lines = paragraph("word " * 40, indent=4, label="hint: ")
    assert lines[0].startswith("    hint: word")
    assert all(line.startswith(" " * 10 + "word") for line in lines[1:])
    assert len(lines) > 1
    assert max(map(len, lines)) <= WIDTH


def test_lines_of_a_servers_message_stay_lines() -> None:
    assert paragraph("ERROR: x\nDETAIL: y", indent=2) == ["  ERROR: x", "  DETAIL: y"]


def test_a_path_is_not_broken() -> None:
    path = "/very/long/" + "folder-" * 30
    assert paragraph(path, indent=0) == [path]


def test_a_command_stays_on_one_line() -> None:
    command = f"`dtsrun verify /tmp/{'folder/' * 11}spec.yaml`"
    assert paragraph(f"at any time {command} compares both ends", indent=0) == [
        "at any time",
        command,
        "compares both ends",
    ]


def test_a_section_without_lines_is_not_there() -> None:
    assert section("Differences", []) == []
    assert section("Differences", ["  one"]) == ["", "Differences", "  one"]
