"""No pooler stands between the sessions and the servers."""

import itertools
from types import SimpleNamespace

from dtsrun.api import Severity
from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.pooler import Pooler


class TestPooler(PrecheckContract):
    plugin = Pooler


class PooledContext:
    """A context whose source gives every transaction the next of some sessions, as a pooler does."""

    def __init__(self, sessions, target, told):
        self.turns = itertools.cycle(sessions)
        self.info = SimpleNamespace(backend_pid=told)
        self._target = target

    def source(self, database=None):
        return self

    def target(self, database=None):
        return self._target

    def execute(self, query):
        return next(self.turns).execute(query)


def test_the_servers_themselves_pass(found, source_route, target_route):
    assert found(Pooler, source_route, target_route) == []


def test_a_process_for_each_transaction_fails(source_route, target_route):
    with connect(source_route) as one, connect(source_route) as two, connect(target_route) as target:
        (finding,) = Pooler().check(PooledContext([one, two], target, one.info.backend_pid))
    assert finding.subject == "source"
    assert finding.message == "source: one session was served by 2 processes"
    assert finding.severity is None


def test_another_number_than_the_login_told_is_an_alarm(source_route, target_route):
    with connect(source_route) as one, connect(target_route) as target:
        (finding,) = Pooler().check(PooledContext([one], target, 4711))
        assert f"and process {one.info.backend_pid} answers" in finding.message
    assert finding.severity is Severity.ALARM
