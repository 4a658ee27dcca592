"""Both ends can be reached, and let us in."""

from dataclasses import replace

from dtsrun.testing.contracts import PrecheckContract
from dtsrun.testing.fakes import FakeCheckContext
from dtsrun_plugins.prechecks.connect import Connect


class TestConnect(PrecheckContract):
    plugin = Connect


def test_two_ends_that_answer_pass(source_route, target_route):
    with FakeCheckContext(source=source_route, target=target_route) as context:
        assert list(Connect().check(context)) == []


def test_a_wrong_password_is_told_from_a_server_that_is_not_there(source_route, target_route):
    wrong = replace(source_route, parameters={**source_route.parameters, "password": "wrong"})
    nowhere = replace(target_route, parameters={"host": "127.0.0.1", "port": "1", "user": "x"})
    with FakeCheckContext(source=wrong, target=nowhere) as context:
        found = {finding.subject: finding for finding in Connect().check(context)}
    assert found["source"].observed == "authentication"
    assert found["target"].observed == "refused"
    assert all(finding.fix for finding in found.values())
    assert "wrong" not in found["source"].message
