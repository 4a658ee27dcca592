"""YAML is read with places, without surprises, and cannot do harm."""

from __future__ import annotations

import time
from typing import Any

import pytest
import yaml

from dtsrun.spec import InvalidSpec, document, read_document


@pytest.fixture(params=["CSafeLoader", "SafeLoader"], autouse=True)
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything holds with libyaml's parser and with that in Python."""
    loader = getattr(yaml, request.param, None)
    if loader is None:
        pytest.skip("PyYAML was built without libyaml")
    monkeypatch.setattr(document, "_PARSER", loader)


def data(text: str) -> Any:
    read = read_document(text, "x.yaml")
    assert read.violations == ()
    return read.data


def lesser_faults(text: str) -> list[str]:
    return [str(violation) for violation in read_document(text, "x.yaml").violations]


def fatal_fault(text: str | bytes) -> str:
    with pytest.raises(InvalidSpec) as caught:
        read_document(text, "x.yaml")
    [violation] = caught.value.violations
    return str(violation)


class TestScalars:
    @pytest.mark.parametrize("text", ["no", "NO", "on", "off", "y", "Yes", "True", "NULL", "Null"])
    def test_words_that_yaml_1_1_takes_for_booleans_are_text(self, text: str) -> None:
        assert data(f"a: {text}") == {"a": text}

    @pytest.mark.parametrize(
        "text", ["22:30", "0123", "0o17", "0x1F", "1_000", "+1", ".5", "5.", ".inf", ".nan", "-01"]
    )
    def test_numbers_of_other_notations_are_text(self, text: str) -> None:
        assert data(f"a: {text}") == {"a": text}

    @pytest.mark.parametrize("text", ["2027-01-31", "2026-12-01T02:00:00+08:00", "=", "-"])
    def test_dates_and_odd_marks_are_text(self, text: str) -> None:
        assert data(f"a: [{text}x, '{text}']")["a"][1] == text

    def test_a_plain_date_is_text(self) -> None:
        assert data("until: 2027-01-31") == {"until": "2027-01-31"}

    def test_what_json_knows_is_itself(self) -> None:
        values = data("[null, ~, true, false, 0, -7, 1.5, -2e3, 'true', \"5\"]")
        assert values == [None, None, True, False, 0, -7, 1.5, -2000.0, "true", "5"]
        assert [type(value) for value in values[4:8]] == [int, int, float, float]

    def test_numbers_beyond_json_are_text(self) -> None:
        assert data(f"[1e999, {'9' * 5000}]") == ["1e999", "9" * 5000]

    def test_a_key_may_be_called_no_or_on(self) -> None:
        assert data("{no: 1, on: 2}") == {"no": 1, "on": 2}

    def test_a_block_of_text_keeps_its_lines(self) -> None:
        assert data("sql: |\n  select 1\n  from t\n") == {"sql": "select 1\nfrom t\n"}


class TestPlaces:
    TEXT = "a:\n  - x\n  - {b: 1,\n     c: é}\nd: {e: f}\n"

    @pytest.mark.parametrize(
        ("path", "key", "place"),
        [
            ((), False, (1, 1)),
            (("a",), True, (1, 1)),
            (("a", 0), False, (2, 5)),
            (("a", 1, "b"), False, (3, 9)),
            (("a", 1, "c"), True, (4, 6)),
            (("d", "e"), False, (5, 8)),
        ],
    )
    def test_every_value_and_key_has_its_line_and_column(self, path: Any, key: bool, place: Any) -> None:
        assert read_document(self.TEXT, "x.yaml").place(path, key=key) == place

    def test_a_path_that_leads_nowhere_has_the_place_of_what_exists(self) -> None:
        read = read_document(self.TEXT, "x.yaml")
        assert read.place(("d", "nowhere", 3)) == read.place(("d",))
        assert read.place(("a", 7)) == read.place(("a",))

    def test_columns_count_characters_not_bytes(self) -> None:
        assert read_document("é: {ü: x}", "x.yaml").place(("é", "ü")) == (1, 8)

    def test_a_value_behind_an_alias_stands_where_it_is_written(self) -> None:
        assert read_document("a: &x {b: 1}\nc: *x\n", "x.yaml").place(("c", "b")) == (1, 11)


class TestAnchors:
    def test_aliases_and_merge_keys_work_and_what_is_said_itself_counts(self) -> None:
        text = "a: &x {host: h, port: 1}\nb: &y {port: 2, user: u}\nc: {<<: [*x, *y], user: me}\nd: *x\n"
        assert data(text)["c"] == {"host": "h", "port": 1, "user": "me"}
        assert data(text)["d"] == {"host": "h", "port": 1}

    def test_what_is_merged_is_not_a_duplicate(self) -> None:
        assert data("a: &x {p: 1}\nb: {p: 2, <<: *x}") == {"a": {"p": 1}, "b": {"p": 2}}

    def test_aliases_give_data_of_their_own(self) -> None:
        read = data("a: &x {p: [1]}\nb: *x")
        read["a"]["p"].append(2)
        assert read["b"] == {"p": [1]}

    def test_only_mappings_can_be_merged(self) -> None:
        assert lesser_faults("a: {<<: [1]}") == ["x.yaml:1:9: /a/<<: expected a mapping or a list of mappings to merge"]

    def test_a_quoted_merge_key_is_a_key_like_any(self) -> None:
        assert data('{"<<": 1}') == {"<<": 1}

    def test_an_unknown_alias_is_told_without_its_name_which_may_be_a_password(self) -> None:
        [fault] = lesser_faults("password: *hunter2")
        assert fault.startswith("x.yaml:1:11: /password: an alias of something that is not named before")
        assert "hunter2" not in fault

    def test_an_alias_inside_of_what_it_names_is_refused(self) -> None:
        assert "an alias inside of what it names" in lesser_faults("a: &x [*x]")[0]


class TestFaults:
    def test_a_double_key_is_an_error_that_names_both_lines(self) -> None:
        [fault] = lesser_faults("a:\n  port: 1\n  host: x\n  port: 2\n")
        assert fault == "x.yaml:4:3: /a/port: a second key of this name; the first is at line 2"

    def test_every_double_key_is_told(self) -> None:
        assert len(lesser_faults("{a: 1, a: 2, b: {c: 1, c: 2, c: 3}}")) == 3

    @pytest.mark.parametrize("key", ["5", "1.5", "true", "null", "[a]", "{a: b}", "~"])
    def test_a_key_must_be_text(self, key: str) -> None:
        assert "a key must be text" in lesser_faults(f"? {key}\n: x\n")[0]

    @pytest.mark.parametrize(
        "text",
        [
            "!!python/object/apply:os.system ['touch /tmp/owned']",
            "!!python/name:os.system x",
            "!secret hunter2",
            "!!binary aGk=",
            "! x",
            "!!set {a, b}",
        ],
    )
    def test_tags_are_refused_and_do_nothing(self, text: str) -> None:
        [fault] = lesser_faults(f"a: {text}")
        assert fault == "x.yaml:1:4: /a: a tag; text that begins with `!` needs quotes"

    @pytest.mark.parametrize("text", ['"\\0"', '"\\ud800"'])
    def test_characters_that_no_name_can_have_are_refused(self, text: str) -> None:
        try:
            faults = lesser_faults(f"a: {text}")
        except InvalidSpec as error:  # libyaml itself refuses a surrogate
            faults = [str(violation) for violation in error.violations]
        assert len(faults) == 1
        assert faults[0].startswith("x.yaml:1:")


class TestHarm:
    def test_a_bomb_of_aliases_is_stopped_at_once(self) -> None:
        lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
        lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
        begun = time.monotonic()
        assert "values when aliases are written out" in fatal_fault("\n".join(lines))
        assert time.monotonic() - begun < 2

    def test_a_bomb_of_merge_keys_is_stopped(self) -> None:
        lines = ["a0: &a0 {x: [1, 2, 3, 4, 5, 6, 7, 8, 9]}"]
        lines += [f"a{n}: &a{n} {{b: *a{n - 1}, c: *a{n - 1}, d: {{<<: *a{n - 1}}}}}" for n in range(1, 30)]
        assert "values when aliases are written out" in fatal_fault("\n".join(lines))

    @pytest.mark.parametrize("text", ["[" * 5000, "{a: " * 5000, "- " * 5000, "? " * 5000])
    def test_deep_nesting_is_stopped(self, text: str) -> None:
        assert "nested deeper than" in fatal_fault(text)

    def test_a_huge_document_is_not_even_parsed(self) -> None:
        assert fatal_fault("a" * (document.MAX_BYTES + 1)) == "x.yaml:1:1: larger than 1024 kB"

    def test_a_second_document_is_refused_where_it_begins(self) -> None:
        assert fatal_fault("a: 1\n---\nb: 2\n") == "x.yaml:2:1: a second document; one file holds one"

    @pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "\ufeff"])
    def test_an_empty_document_is_told_as_such(self, text: str) -> None:
        assert fatal_fault(text) == "x.yaml:1:1: the document is empty"

    def test_bytes_that_are_no_utf8_are_placed(self) -> None:
        assert fatal_fault("a: é\nb: ".encode() + b"\xff") == "x.yaml:2:4: byte 0xff is not UTF-8"

    def test_a_byte_order_mark_and_windows_line_ends_are_fine(self) -> None:
        assert data("\ufeffa: 1\r\nb: 2\r\n") == {"a": 1, "b": 2}

    @pytest.mark.parametrize("text", ["a:\n\tb: 1\n", "\ta: 1"])
    def test_a_tab_for_indentation_is_told_as_such(self, text: str) -> None:
        assert fatal_fault(text).endswith("a tab where YAML wants spaces")

    def test_control_characters_are_placed(self) -> None:
        assert fatal_fault("a: x\nb: \x07") == "x.yaml:2:4: the character U+0007 is not allowed in YAML"

    @pytest.mark.parametrize("text", ["a: [1", "a: b: c", "a: 'x", "a: @x", "a: }", "- a\nb: c", "%YAML 9.9\n---\na"])
    def test_broken_syntax_is_placed(self, text: str) -> None:
        assert fatal_fault(text).startswith("x.yaml:")

    @pytest.mark.parametrize("text", ["a: &", "a: !<x", "a: *", "%TAG !\n---\n", "a: !q!hunter2 x"])
    def test_malformed_anchors_and_tags_do_not_quote_the_text(self, text: str) -> None:
        assert "hunter2" not in fatal_fault(text)
