"""Nothing that a server says becomes HTML."""

from __future__ import annotations

from dtsrun.report.markup import Markup, element, join


def test_text_is_escaped_and_markup_is_not() -> None:
    assert element("p", "a < b & c", element("b", "d")) == "<p>a &lt; b &amp; c<b>d</b></p>"


def test_attributes_are_escaped() -> None:
    assert element("p", title='"><script>') == '<p title="&quot;&gt;&lt;script&gt;"></p>'


def test_names_of_attributes_that_python_reserves_or_cannot_write() -> None:
    assert element("td", "x", class_="figure", aria_label="y") == '<td class="figure" aria-label="y">x</td>'


def test_what_is_none_is_left_out() -> None:
    assert element("p", None, "x", None, id=None) == "<p>x</p>"


def test_children_may_be_nested() -> None:
    assert element("ul", (element("li", word) for word in ("a", "b"))) == "<ul><li>a</li><li>b</li></ul>"
    assert join(["a", ["<", None]], "b") == "a&lt;b"


def test_empty_elements_are_closed_in_place() -> None:
    assert element("br") == "<br/>"
    assert element("rect", element("title", "t"), x=1.5) == '<rect x="1.5"><title>t</title></rect>'


def test_control_characters_are_made_visible() -> None:
    assert element("td", "a\x00\x1b[31mb\tc\n") == "<td>a��[31mb\tc\n</td>"


def test_a_plain_string_that_looks_like_markup_is_escaped() -> None:
    assert not isinstance("<b>", Markup)
    assert element("p", "<b>bold</b>") == "<p>&lt;b&gt;bold&lt;/b&gt;</p>"
