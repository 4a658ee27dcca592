"""`dtsrun explain NAME`."""

from __future__ import annotations

import pytest

from dtsrun.api import Plugin
from dtsrun.cli import main
from dtsrun.registry import load_registry
from dtsrun.report.pages import options_of, page_text, read_page

REGISTRY = load_registry()
PLUGINS = tuple(REGISTRY.plugins.values())
HEADINGS = ["What it does", "Why it matters", "Spec", "Needs", "Example", "Limits"]


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda plugin: plugin.name)
def test_every_plugin_has_a_page_with_all_headings(plugin: Plugin) -> None:
    page = read_page(plugin)
    assert list(page.sections) == HEADINGS
    assert all(page.sections.values())


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda plugin: plugin.name)
def test_every_page_shows_every_option(plugin: Plugin) -> None:
    text = page_text(plugin, REGISTRY)
    for option in options_of(plugin.options):
        assert f"\n  {option.path} " in text


def test_a_page_by_its_full_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "access.public_network"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("access.public_network: ")
    assert "  host " in out
    assert "required" in out


def test_a_page_by_its_short_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "public_network"]) == 0
    assert capsys.readouterr().out.startswith("access.public_network: ")


def test_a_page_by_what_pg_dump_calls_the_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "fk constraint"]) == 0
    assert capsys.readouterr().out.startswith("object.")


def test_a_mistyped_name_gets_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "public_netwrk"]) == 3
    assert capsys.readouterr().err == (
        "dtsrun: there is no plugin 'public_netwrk'\n  hint: did you mean access.public_network?"
        " `dtsrun plugins` lists them all, with `--spec SPEC` also those of a spec\n"
    )
