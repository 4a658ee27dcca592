"""The page on policies shows policies that are valid, and reads as the command writes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from dtsrun.cli.check import RENDERERS
from dtsrun.engine.policy import WAIVERS, Policy
from dtsrun.engine.sql_checks import MOST_ROWS
from dtsrun.registry import load_registry
from dtsrun.spec import parse_spec

PAGE = (Path(__file__).parents[2] / "docs/how-to/policy-as-code.md").read_text("utf-8")
BLOCKS: list[dict[str, Any]] = [yaml.safe_load(text) for text in re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.M | re.S)]
SPEC = """\
dtsrun: 1
task: {name: shop}
source: {type: postgresql, access: {type: service, service: source}}
target: {type: postgresql, access: {type: service, service: target}}
migration: {type: full, objects: entire_instance}
"""


def test_its_parts_make_one_valid_policy(tmp_path: Path) -> None:
    named, *parts = BLOCKS
    file = tmp_path / named["prechecks"]["policy"]
    file.parent.mkdir()
    file.write_text(yaml.safe_dump({key: value for part in parts for key, value in part.items()}), "utf-8")
    text = SPEC + yaml.safe_dump(named)
    policy = Policy.of(parse_spec(text, path=tmp_path / "spec.yaml", registry=load_registry()))
    assert [waiver.object for waiver in policy.waivers] == ["public.cache_*"]
    assert [check["id"] for check in policy.document["sql_checks"]] == ["no_open_orders"]
    assert policy.alarms == "fail"


def test_it_names_every_format_and_the_numbers_that_hold() -> None:
    assert all(f"`{name}`" in PAGE for name in RENDERERS)
    assert f"At most {MOST_ROWS} rows" in PAGE
    assert f"`{WAIVERS}`" in PAGE
