"""What has to be right before the cutover of a source in use."""

from __future__ import annotations

from dtsrun.api import Gate
from dtsrun_plugins.gates.copy_complete import CopyComplete
from dtsrun_plugins.gates.drift import Drift
from dtsrun_plugins.gates.indexes_valid import IndexesValid
from dtsrun_plugins.gates.lag import ZeroLag
from dtsrun_plugins.gates.residual_sessions import ResidualSessions
from dtsrun_plugins.gates.sequences import Sequences
from dtsrun_plugins.gates.statistics import Statistics
from dtsrun_plugins.gates.verification import Verification

PLUGINS: tuple[type[Gate], ...] = (
    CopyComplete,
    Drift,
    IndexesValid,
    ZeroLag,
    ResidualSessions,
    Sequences,
    Statistics,
    Verification,
)
