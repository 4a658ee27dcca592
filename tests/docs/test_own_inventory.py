"""The inventory provider of the how-to works as written, from a local plugin file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dtsrun.api import Endpoint
from dtsrun.engine.ends import access_of, read_spec
from dtsrun.errors import AccessError

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "write-an-access-type.md"

SPEC = """\
dtsrun: 1
plugins: [acme_servers.py]
task: {{name: shop}}
source:
  type: postgresql
  region: {region}
  access: {{type: self_build_cvm, instance: ins-shop, port: 5432, inventory: {{type: acme_servers, team: shop}}}}
target: {{type: postgresql, region: {region}, access: {{type: public_network, host: db.example.com}}}}
migration: {{type: full, objects: entire_instance}}
"""


def opened(folder: Path, region: str) -> str:
    code = re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)[-1]
    (folder / "acme_servers.py").write_text(code)
    (folder / "spec.yaml").write_text(SPEC.format(region=region))
    spec, registry = read_spec(folder / "spec.yaml")
    plugin, context = access_of(spec, registry, "source")
    endpoint: Endpoint = spec.source
    with plugin.open(endpoint, context) as route:
        return route.description


def test_a_company_finds_its_own_servers(tmp_path: Path) -> None:
    assert opened(tmp_path, "eu") == "10.9.0.4:5432, machine ins-shop in eu"


def test_its_own_words_reach_the_user(tmp_path: Path) -> None:
    with pytest.raises(AccessError, match="our list does not know machine ins-shop in us"):
        opened(tmp_path, "us")
