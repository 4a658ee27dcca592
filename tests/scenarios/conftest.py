"""Two servers of the scenarios' own, emptied before each test: a whole instance can be moved only to an empty one."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dtsrun.errors import AccessError
from dtsrun.postgres.server import PrivateServer

sys.path.append(str(Path(__file__).parent))

from runs import LINK_SETTINGS, Bench, wipe


@pytest.fixture(scope="session")
def private_pair() -> Iterator[tuple[PrivateServer, PrivateServer]]:
    """Servers 16 and 18, started once."""
    with _private(16) as source, _private(18) as target:
        yield source, target


@pytest.fixture
def bench(private_pair: tuple[PrivateServer, PrivateServer], tmp_path: Path) -> Iterator[Bench]:
    """Both servers empty, and folders for specs and state."""
    for server in private_pair:
        server.start()
        wipe(server.route)
    opened = Bench(*private_pair, tmp_path)
    yield opened
    opened.close()


@contextmanager
def _private(version: int) -> Iterator[PrivateServer]:
    folder = Path(tempfile.mkdtemp(prefix="dtsrun-scenario-"))
    try:
        server = PrivateServer(folder, version, settings=LINK_SETTINGS)
    except AccessError as error:
        folder.rmdir()
        pytest.skip(error.message)
    try:
        server.start()
        yield server
    finally:
        server.destroy()
        shutil.rmtree(folder, ignore_errors=True)
