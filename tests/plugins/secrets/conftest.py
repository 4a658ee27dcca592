"""What the core hands to a secret."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest


@pytest.fixture
def context(tmp_path: Path) -> Any:
    """Return a context whose spec stands in an empty folder."""
    return SimpleNamespace(spec_folder=tmp_path, home=tmp_path / "home", task="shop")
