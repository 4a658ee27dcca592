"""What is out of order while changes are followed is told, each thing by itself, and once."""

from types import SimpleNamespace

import pytest

from dtsrun.api import Link, LinkStatus
from dtsrun.engine import syncing
from dtsrun.engine.syncing import Standing, Syncing
from dtsrun.watch.lag import Lag
from dtsrun.watch.slots import Level, RetainedWal
from dtsrun.watch.stalls import Stall

LINK = Link(name="dtsrun_move_1", database="shop", epoch=1, publications=(), start_lsn=0)
BLOCKED = Stall(
    link=LINK.name, seconds=70, message="it waits for session 7", source_wait=None, target_wait="Lock:relation"
)


def standing(level: Level, still: float) -> Standing:
    wal = RetainedWal(
        slot=LINK.name, bytes=9, limit=10, safe_bytes=1, level=level, message=f"it holds back WAL, {level}"
    )
    status = LinkStatus(link=LINK.name, state="streaming")
    return Standing(link=LINK, status=status, lag=Lag(bytes=9, seconds=still), wal=wal, still=still)


@pytest.fixture
def told(monkeypatch):
    """A watch over one link whose stall is explained, and what it has told."""
    monkeypatch.setattr(syncing, "diagnose_stall", lambda *_, **__: BLOCKED)
    view = SimpleNamespace(
        options={"on_apply_error": "retry"},
        spec=SimpleNamespace(task=SimpleNamespace(retry_for=60.0)),
        source=lambda _: None,
        target=lambda _: None,
    )
    following = SimpleNamespace(links=[LINK], view=view, engine=SimpleNamespace(needs_peer=True))
    said: list[tuple[str, str]] = []
    return Syncing(following, None, "move", lambda kind, text: said.append((kind, text)), None), said


def test_wal_that_is_held_back_hides_no_stall(told) -> None:
    watch, said = told
    for _ in range(2):
        watch._complain(standing(Level.ALARM, 70.0))
    assert said == [("wal", "shop: it holds back WAL, alarm"), ("stall", "it waits for session 7")]


def test_wal_that_goes_down_is_no_change_that_is_applied_again(told) -> None:
    watch, said = told
    watch._complain(standing(Level.WARNING, 0.0))
    watch._complain(standing(Level.QUIET, 0.0))
    assert said == [
        ("wal", "shop: it holds back WAL, warning"),
        ("wal", "shop: it holds back WAL, quiet, which is no longer much"),
    ]
