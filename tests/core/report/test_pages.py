"""A plugin's page: found by any of its names, with every option."""

from __future__ import annotations

import pytest

from dtsrun.api import AccessType, ObjectKind, Plugin, Precheck, Severity
from dtsrun.errors import PluginError
from dtsrun.registry import FAMILIES, Registry
from dtsrun.report.pages import find_plugin, options_of, page_text, plugins_data, plugins_text, read_page, type_text


class Ferry(AccessType):
    """A server beyond the water

    What it does
    ------------
    Crosses the water.

    Spec
    ----
    `harbour`: where to land.

    Example
    -------
    ::

        access: {type: ferry, harbour: north}

    Limits
    ------
    Not in winter.
    """

    name = "access.ferry"
    after = ("access.tunnel",)
    options = {
        "properties": {
            "harbour": {"type": "string", "description": "Where to land."},
            "tide": {
                "type": "object",
                "description": "Wait for the tide.",
                "properties": {"height": {"type": "integer", "minimum": 0, "maximum": 9, "default": 2}},
            },
        },
        "required": ["harbour"],
    }

    def open(self, endpoint, context):  # type: ignore[no-untyped-def]
        raise NotImplementedError


class Weather(Precheck):
    """The first line"""

    name = "precheck.weather"
    title = "the weather is fair"
    side = "source"
    severity = Severity.ALARM

    def check(self, context):  # type: ignore[no-untyped-def]
        return ()


class Boats(ObjectKind):
    """Boats"""

    name = "object.boats"
    entry_types = ("BOAT", "BOAT LICENCE")
    selector = "boat"


class BoatsCheck(Precheck):
    """Boats are afloat."""

    name = "precheck.boats"

    def check(self, context):  # type: ignore[no-untyped-def]
        return ()


@pytest.fixture
def registry() -> Registry:
    plugins: list[Plugin] = [Ferry(), Weather(), Boats(), BoatsCheck()]
    return Registry({p.name: p for p in plugins}, {p.name: "harbour-tools 1.2" for p in plugins})


def test_a_docstring_is_cut_at_its_headings() -> None:
    page = read_page(Ferry())
    assert page.title == "A server beyond the water"
    assert list(page.sections) == ["What it does", "Spec", "Example", "Limits"]
    assert page.sections["Limits"] == "Not in winter."


def test_an_example_keeps_its_indentation_and_loses_its_mark() -> None:
    assert read_page(Ferry()).sections["Example"] == "    access: {type: ferry, harbour: north}"


def test_a_docstring_of_one_line_is_a_page() -> None:
    assert read_page(Boats()).title == "Boats"
    assert read_page(Boats()).sections == {}


def test_options_are_listed_with_those_inside() -> None:
    options = {option.path: option for option in options_of(Ferry.options)}
    assert list(options) == ["harbour", "tide", "tide.height"]
    assert options["harbour"].is_required
    assert (options["tide.height"].type, options["tide.height"].default) == ("integer 0..9", "2")


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"type": "string"}, "string"),
        ({"type": "integer", "minimum": 1}, "integer 1.."),
        ({"enum": ["a", "b", None]}, "a | b | None"),
        ({"const": "x"}, '"x"'),
        ({"type": ["string", "number"]}, "string | number"),
        ({"type": "array", "items": {"type": "string"}}, "list of string"),
        ({"type": "object", "additionalProperties": {"type": "string"}}, "mapping"),
        ({"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}, "string | list of string"),
        ({}, "any"),
    ],
)
def test_what_a_value_may_be_in_few_words(schema: dict[str, object], text: str) -> None:
    assert type_text(schema) == text


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("access.ferry", Ferry),
        ("ferry", Ferry),
        ("weather", Weather),
        ("boat licence", Boats),
        ("BOAT", Boats),
        ("boat", Boats),
    ],
)
def test_a_plugin_is_found_by_any_of_its_names(registry: Registry, name: str, found: type[Plugin]) -> None:
    assert type(find_plugin(registry, name)) is found


def test_a_name_that_several_have_is_refused_with_all_of_them(registry: Registry) -> None:
    with pytest.raises(PluginError, match="several plugins are called 'boats'") as caught:
        find_plugin(registry, "boats")
    assert caught.value.hint == "object.boats, precheck.boats"


@pytest.mark.parametrize("name", ["fery", "acess.ferry"])
def test_a_mistyped_name_gets_the_nearest(registry: Registry, name: str) -> None:
    with pytest.raises(PluginError) as caught:
        find_plugin(registry, name)
    assert caught.value.hint is not None
    assert "did you mean access.ferry" in caught.value.hint


def test_a_name_like_no_other_gets_the_list(registry: Registry) -> None:
    with pytest.raises(PluginError) as caught:
        find_plugin(registry, "qqq")
    assert caught.value.hint == "`dtsrun plugins` lists them all, with `--spec SPEC` also those of a spec"


def test_a_page_shows_where_the_plugin_comes_from_and_all_its_sections(registry: Registry) -> None:
    assert page_text(Ferry(), registry).splitlines() == [
        "access.ferry: A server beyond the water",
        "",
        "  from         harbour-tools 1.2",
        "  comes after  access.tunnel",
        "",
        "What it does",
        "  Crosses the water.",
        "",
        "Spec",
        "  `harbour`: where to land.",
        "",
        "Options",
        "  key          value         default",
        "  harbour      string        required  Where to land.",
        "  tide         mapping                 Wait for the tide.",
        "  tide.height  integer 0..9  2",
        "",
        "Example",
        "      access: {type: ferry, harbour: north}",
        "",
        "Limits",
        "  Not in winter.",
    ]


def test_a_check_says_what_it_weighs(registry: Registry) -> None:
    lines = page_text(Weather(), registry).splitlines()
    assert "  severity  alarm" in lines
    assert "  side      source" in lines


def test_a_kind_says_what_it_claims(registry: Registry) -> None:
    text = page_text(Boats(), registry)
    assert "  claims    BOAT, BOAT LICENCE" in text
    assert "  selector  boat" in text


def test_plugins_are_listed_by_family_with_title_and_distribution(registry: Registry) -> None:
    text = plugins_text(registry)
    assert text.startswith(
        "Access types (1)\n  access.ferry  A server beyond the water  harbour-tools 1.2\n\nPrechecks (2)"
    )
    assert "  precheck.weather  the weather is fair  harbour-tools 1.2" in text
    assert "  precheck.boats    Boats are afloat     harbour-tools 1.2" in text


def test_the_list_for_programs_holds_the_options(registry: Registry) -> None:
    data = plugins_data(registry)
    assert [item["name"] for item in data] == list(registry.plugins)
    assert data[0]["options"] == Ferry.options
    assert data[0]["family"] == "access"


def test_every_family_has_a_heading() -> None:
    from dtsrun.report.pages import FAMILY_WORDS

    assert set(FAMILY_WORDS) == {family.name for family in FAMILIES}
