"""The bench runs: every contender that is here moves a tiny set, and the figures say so."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.slow
def test_a_tiny_set_is_moved_by_all(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    contenders = ["dtsrun", "pg_dump_piped", "pg_dump_parallel", "floor"]
    ran = subprocess.run(
        [
            *(sys.executable, ROOT / "bench" / "run.py", "--scale", "0.001", "--repeats", "1", "--json", figures),
            *("--sets", "bytea", "large_objects", "--contenders", *contenders),
        ],
        env={**os.environ, "TMPDIR": "/tmp"},
        capture_output=True,
        text=True,
        check=True,
    )
    sets = json.loads(figures.read_text())["sets"]
    assert list(sets) == ["bytea", "large_objects"]
    for name, costs in sets.items():
        expected = {c: [None] for c in contenders} | ({"floor": []} if name == "large_objects" else {})
        assert {c: [cost["failure"] for cost in runs] for c, runs in costs.items()} == expected
        assert name in ran.stdout
    assert all(cost["client_cpu"] > 0 and cost["wall"] > 0 for cost in sets["bytea"]["dtsrun"])
