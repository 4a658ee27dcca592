"""The target has what the source has."""

import time

from dtsrun.api import Link, LinkStatus
from dtsrun.testing.contracts import GateContract
from dtsrun.watch.positions import current_position
from dtsrun_plugins.gates.lag import ZeroLag


class TestZeroLag(GateContract):
    plugin = ZeroLag


def known(shop, applied):
    """A link whose position is what a function says."""
    link = Link(name="one", database=shop.name, epoch=1, publications=("one",), start_lsn=0)
    return {
        "links": [link],
        "statuses": lambda: [LinkStatus(link="one", state="streaming", applied=applied())],
        "options": {"hold": 1.2},
    }


def test_a_link_that_keeps_up_passes_after_the_time_to_hold(shop):
    began = time.monotonic()
    assert shop.found(ZeroLag, **known(shop, lambda: current_position(shop.source))) == []
    assert time.monotonic() - began >= 1.2


def test_a_link_that_stays_behind_is_named_with_bytes_and_seconds(shop):
    start = current_position(shop.source)
    (finding,) = shop.found(ZeroLag, **known(shop, lambda: start))
    assert finding.message.startswith(f"link one is {finding.evidence['bytes']} bytes and")
    assert (finding.evidence["bytes"] > 0, finding.evidence["seconds"] >= 1) == (True, True)


def test_a_source_in_use_passes_where_the_link_is_less_than_a_second_behind(shop):
    """Each look sees what was written since the one before: never zero bytes, never a second."""
    last = [current_position(shop.source)]

    def behind():
        shop.source.execute("select pg_logical_emit_message(false, 'test', repeat('x', 10000))")
        last.append(current_position(shop.source))
        return last[-2]

    assert shop.found(ZeroLag, **known(shop, behind)) == []


def test_bytes_that_count_as_nothing(shop):
    start = current_position(shop.source)
    given = known(shop, lambda: start)
    given["options"] = {"hold": 1.2, "bytes": 2**30}
    assert shop.found(ZeroLag, **given) == []


def test_a_link_that_failed_is_named_with_its_table(shop):
    given = known(shop, lambda: 0)
    given["statuses"] = [LinkStatus(link="one", state="failed", applied=1, error="duplicate key", table="public.t")]
    assert shop.said(ZeroLag, **given) == ["link one is failed at public.t: duplicate key"]
