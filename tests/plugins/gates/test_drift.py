"""Nothing has drifted that is not repaired."""

from dtsrun.api import Finding
from dtsrun.testing.contracts import GateContract
from dtsrun_plugins.gates.drift import Drift


class TestDrift(GateContract):
    plugin = Drift


def test_what_the_sentinels_saw_keeps_the_gate_shut(shop):
    drift = Finding(subject="shop.public.orders", message="column discount was added on the source")
    assert shop.found(Drift) == []
    assert shop.found(Drift, drifts=[drift]) == [drift]
