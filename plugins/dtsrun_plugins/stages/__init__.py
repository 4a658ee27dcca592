"""Stages of the work."""

from __future__ import annotations

from dtsrun.api import Stage
from dtsrun_plugins.stages.complete import Complete
from dtsrun_plugins.stages.full import Full
from dtsrun_plugins.stages.incremental import Incremental
from dtsrun_plugins.stages.indexes import Indexes
from dtsrun_plugins.stages.structure import Structure
from dtsrun_plugins.stages.verify import Verify

PLUGINS: tuple[type[Stage], ...] = (Structure, Full, Indexes, Incremental, Verify, Complete)
