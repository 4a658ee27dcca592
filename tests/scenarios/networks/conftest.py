"""The network, made once, and a bench in it for each test."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from lab import Lab, LabBench, make_empty, why_not


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """Namespaces, the router between them, and the servers; skips where there can be none."""
    if reason := why_not():
        pytest.skip(reason)
    with ExitStack() as stack:
        yield Lab(stack)


@pytest.fixture
def lab_bench(lab: Lab, tmp_path: Path) -> Iterator[LabBench]:
    """Both servers empty, and folders for specs and state."""
    make_empty(lab)
    opened = LabBench(lab, tmp_path)
    yield opened
    opened.close()
