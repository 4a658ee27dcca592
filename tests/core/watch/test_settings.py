"""Settings of both servers that a running task depends on are told when they change, and when they are back."""

from collections.abc import Iterator

import pytest
from replicated import Replicated, wait_until

from dtsrun.watch.settings import compare_settings, is_back, read_settings


@pytest.fixture
def changed(pair: Replicated) -> Iterator[Replicated]:
    """Ends whose settings come back after the test."""
    yield pair
    for end in (pair.source, pair.target):
        end.execute("alter system reset wal_sender_timeout")
        end.execute("alter system reset wal_receiver_timeout")
        end.execute("select pg_reload_conf()")


def test_each_is_named_with_its_server_both_values_and_what_puts_it_back(changed: Replicated) -> None:
    begun = read_settings(changed.source, changed.target)
    assert begun["source"]["wal_level"] == "logical"
    assert "max_logical_replication_workers" in begun["target"]
    assert list(compare_settings(begun, begun)) == []
    old = {"source": begun["source"]["wal_sender_timeout"], "target": begun["target"]["wal_receiver_timeout"]}
    for end, name in ((changed.source, "wal_sender_timeout"), (changed.target, "wal_receiver_timeout")):
        end.execute(f"alter system set {name} = '77s'")
        end.execute("select pg_reload_conf()")
        wait_until(lambda end=end, name=name: end.execute(f"show {name}").fetchone() == ("77s",))
    now = read_settings(changed.source, changed.target)
    ours, theirs = compare_settings(begun, now)
    assert ours.message == (
        f"setting wal_sender_timeout of the source is 77s, and was {old['source']} when the task began; where nobody"
        f" meant that, run there: alter system set wal_sender_timeout = '{old['source']}'; select pg_reload_conf()"
    )
    assert theirs.object == "setting wal_receiver_timeout of the target"
    assert not is_back(theirs, begun, now)
    # What the message says puts it back.
    for statement in theirs.message.partition("run there: ")[2].split("; "):
        changed.target.execute(statement)
    wait_until(lambda: is_back(theirs, begun, read_settings(changed.source, changed.target)))
    assert not is_back(ours, begun, read_settings(changed.source, changed.target))
