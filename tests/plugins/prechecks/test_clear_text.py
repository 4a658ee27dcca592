"""What crosses public networks is encrypted."""

from types import SimpleNamespace

import pytest

from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.clear_text import ClearText


class TestClearText(PrecheckContract):
    plugin = ClearText


class Reached:
    """A context whose sessions lead to an address."""

    def __init__(self, address, encrypted):
        self.session = SimpleNamespace(
            info=SimpleNamespace(hostaddr=address), pgconn=SimpleNamespace(ssl_in_use=encrypted)
        )

    def source(self, database=None):
        return self.session

    def target(self, database=None):
        return self.session


def test_servers_of_this_machine_pass(found, source_route, target_route):
    assert found(ClearText, source_route, target_route) == []


@pytest.mark.parametrize("address", ["", "127.0.0.1", "::1", "10.1.2.3", "192.168.0.7", "fe80::1%eth0", "fd00::1"])
def test_private_addresses_pass(address):
    assert list(ClearText().check(Reached(address, False))) == []


@pytest.mark.parametrize("address", ["8.8.8.8", "2001:4860:4860::8888"])
def test_public_addresses_are_alarms_unless_encrypted(address):
    findings = list(ClearText().check(Reached(address, False)))
    assert [finding.subject for finding in findings] == ["source", "target"]
    assert address in findings[0].message
    assert list(ClearText().check(Reached(address, True))) == []
