"""Signals of a server's health that copies give way to."""

from __future__ import annotations

from dtsrun.api import Throttle
from dtsrun_plugins.throttles.active_sessions import ActiveSessions
from dtsrun_plugins.throttles.replica_lag import ReplicaLag
from dtsrun_plugins.throttles.retained_wal import RetainedWal

PLUGINS: tuple[type[Throttle], ...] = (ActiveSessions, ReplicaLag, RetainedWal)
