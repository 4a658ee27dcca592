"""Writes the generated pages of the reference: `python -m dtsrun.cli.reference docs/reference`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dtsrun.cli import build_parser
from dtsrun.registry import Registry, load_registry
from dtsrun.report.reference import NOTICE, pages
from dtsrun.spec import compose_schema

OWN: str = "dtsrun "
"""How the origin of our own plugins begins: the reference is about nobody else's."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write all pages into a folder, and remove generated ones of plugins that are gone."""
    parser = argparse.ArgumentParser(prog="python -m dtsrun.cli.reference", description=__doc__)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args(arguments).folder
    made = all_pages()
    for stale in (path for path in folder.rglob("*.md") if is_generated(path)):
        if stale.relative_to(folder).as_posix() not in made:
            stale.unlink()
    for name, text in made.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    print(f"{len(made)} pages are written to {folder}")
    return 0


def all_pages() -> dict[str, str]:
    """Return the pages of all built-in plugins, and of the commands."""
    registry = own_plugins(load_registry())
    return pages(registry, build_parser(), compose_schema(registry))


def own_plugins(registry: Registry) -> Registry:
    """Return the registry without the plugins of other distributions."""
    names = [name for name in registry.plugins if registry.origin(name).startswith(OWN)]
    return replace(registry, plugins={name: registry.plugins[name] for name in names})


def is_generated(path: Path) -> bool:
    """Tell whether a page was written by this module."""
    return NOTICE in path.read_text(encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
