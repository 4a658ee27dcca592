"""A streaming standby of a running server, for tests of what standbys feel.

with standby_of(source_route, 16) as standby:
    standby.pause()
    ...
    standby.resume()
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo

from dtsrun.api import Route
from dtsrun.errors import AccessError
from dtsrun.postgres.server import PrivateServer
from dtsrun.postgres.session import connect

NAME = "standby"
"""Its application name on the primary."""
NO_LESS = ("max_connections", "max_prepared_transactions", "max_locks_per_transaction", "max_wal_senders")


class Standby(PrivateServer):
    """A private server that follows another one of the same version on this machine."""

    def __init__(self, folder: Path, version: int, primary: Route) -> None:
        """Describe it; `start()` makes it with pg_basebackup."""
        settings = {"hot_standby": "on", "shared_buffers": "16MB", "fsync": "off", **_settings_as_on(primary)}
        super().__init__(folder, version, settings=settings)
        self._primary = primary

    @property
    def can_be_made(self) -> bool:
        """Whether the installation has what it takes."""
        return (self._found.bin / "pg_basebackup").exists()

    def pause(self) -> None:
        """Let it receive WAL and replay none of it."""
        with connect(self.route) as connection:
            connection.execute("select pg_catalog.pg_wal_replay_pause()")

    def resume(self) -> None:
        """Let it replay what it has."""
        with connect(self.route) as connection:
            connection.execute("select pg_catalog.pg_wal_replay_resume()")

    def _create(self) -> None:
        if self._data.exists():
            return
        parameters = dict(self._primary.parameters)
        password = parameters.pop("password")
        self._write("password", password)  # roles are the primary's
        self._write("pgpass", f"*:*:*:*:{password}")
        conninfo = make_conninfo(**parameters, passfile=str(self.folder / "pgpass"), application_name=NAME)
        done = self._run(["pg_basebackup", "-D", self._data, "-R", "-X", "stream", "-c", "fast", "-d", conninfo])
        if done.returncode != 0:
            raise AccessError("the standby cannot be made", hint=done.stderr)


def _settings_as_on(primary: Route) -> Mapping[str, str]:
    """Return what a standby must have no less of than its primary."""
    with connect(primary) as connection:
        query = "select name, setting from pg_catalog.pg_settings where name = any (%s)"
        return {row.name: row.setting for row in connection.execute(query, [list(NO_LESS)]).fetchall()}


@contextmanager
def standby_of(primary: Route, version: int) -> Iterator[Standby]:
    """Run a standby for the block; skips the test where the server's installation lacks pg_basebackup."""
    folder = Path(tempfile.mkdtemp(prefix="dtsrun-standby-"))
    standby = Standby(folder, version, primary)
    try:
        if not standby.can_be_made:
            pytest.skip(f"the installation of PostgreSQL {version} has no pg_basebackup")
        standby.start()
        yield standby
    finally:
        standby.destroy()
        shutil.rmtree(folder, ignore_errors=True)
