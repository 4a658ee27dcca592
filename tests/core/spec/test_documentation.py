"""What the reference of the spec shows is valid, with the plugins that are built in."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from dtsrun.registry import load_registry
from dtsrun.spec import InvalidSpec, parse_spec
from dtsrun.spec.quantities import parse_duration, parse_size

PAGE = (Path(__file__).parents[3] / "docs/reference/spec.md").read_text("utf-8")
BLOCKS = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
WHOLE, *FRAGMENTS = [block for block in BLOCKS if not block.startswith("dtsrun_policy")]
[POLICY] = [block for block in BLOCKS if block.startswith("dtsrun_policy")]


def test_the_first_example_is_a_whole_spec() -> None:
    spec = parse_spec(WHOLE, path=Path("spec.yaml"), registry=load_registry())
    assert (spec.task.name, spec.warnings) == ("shop-to-cloud", ())


@pytest.mark.parametrize("fragment", FRAGMENTS, ids=lambda fragment: fragment.partition(":")[0])
def test_every_fragment_fits_into_it(fragment: str) -> None:
    [key] = yaml.safe_load(fragment)
    rest = re.sub(rf"^{key}:.*\n(?: .*\n)*", "", WHOLE, flags=re.MULTILINE)
    assert parse_spec(rest + fragment, path=Path("spec.yaml"), registry=load_registry()).warnings == ()


def test_the_policy_is_one(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(POLICY, "utf-8")
    text = f"{WHOLE}prechecks: {{policy: policy.yaml}}\n"
    policy = parse_spec(text, path=tmp_path / "spec.yaml", registry=load_registry()).policy
    assert [check["id"] for check in policy["sql_checks"]] == ["no_open_orders"]


def test_the_errors_that_it_shows_are_those_that_one_gets() -> None:
    text = WHOLE.replace("host: db.example.com", "host: db.example.com, prot: 1").replace("type: full\n", "type: ful\n")
    text = text.replace("  password: {env:", "  account: migrator\n  pasword: {env:").replace(
        "  account: migrator\n", "", 1
    )
    with pytest.raises(InvalidSpec) as caught:
        parse_spec(text, path=Path("spec.yaml"), registry=load_registry())
    shown = re.sub(r":\d+:\d+:", ":", PAGE)
    for line in str(caught.value).splitlines():
        assert re.sub(r":\d+:\d+:", ":", line) in shown


def test_its_quantities_are_understood() -> None:
    durations, sizes = (
        re.findall(r"`(\w+)`", row.split("|")[2]) for row in re.findall(r"^\| (?:duration|size) .*", PAGE, re.M)
    )
    assert [parse_duration(text) for text in durations]
    assert [parse_size(text) for text in sizes]
