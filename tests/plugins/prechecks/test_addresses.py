"""Where sessions really lead, against what the access type says: `private_address`, `public_address`."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from dtsrun.api import Route, Undetermined
from dtsrun.testing.contracts import PrecheckContract
from dtsrun.testing.fakes import make_endpoint
from dtsrun_plugins.prechecks.private_address import PrivateAddress
from dtsrun_plugins.prechecks.public_address import PublicAddress
from dtsrun_plugins.prechecks.tls_verification import LACKS, TlsVerification


class TestPrivateAddress(PrecheckContract):
    """What every check keeps."""

    plugin = PrivateAddress


class TestPublicAddress(PrecheckContract):
    """What every check keeps."""

    plugin = PublicAddress


class TestTlsVerification(PrecheckContract):
    """What every check keeps."""

    plugin = TlsVerification


PRIVATE = ["10.1.2.3", "192.168.0.7", "172.31.0.1", "100.64.0.9", "fd00::1", "fe80::1%eth0"]
PUBLIC = ["8.8.8.8", "9.0.0.1", "2001:4860:4860::8888"]
HERE = ["", "127.0.0.1", "127.9.9.9", "::1"]


class Reached:
    """A context whose source leads to an address: no server here has a public one."""

    def __init__(self, address: str, network: Any, sslmode: str = "verify-full", **options: Any) -> None:
        self.options = options
        self.spec = SimpleNamespace(endpoint=lambda side: make_endpoint(side, "some_way"))
        self._routes = {
            "source": Route(parameters={"sslmode": sslmode}, description="", network=network),
            "target": Route(parameters={}, description=""),
        }
        self._session = SimpleNamespace(info=SimpleNamespace(hostaddr=address))

    def route(self, side: str) -> Route:
        return self._routes[side]

    def source(self, database: str | None = None) -> Any:
        return self._session

    target = source


def subjects(check: Any, *reached: Any, **options: Any) -> list[str]:
    return [finding.subject for finding in check().check(Reached(*reached, **options))]


@pytest.mark.parametrize("address", [*PRIVATE, *HERE])
def test_a_private_way_to_a_private_address_passes(address: str) -> None:
    assert subjects(PrivateAddress, address, "private") == []


@pytest.mark.parametrize("address", PUBLIC)
def test_a_private_way_to_a_public_address_is_an_alarm(address: str) -> None:
    [finding] = PrivateAddress().check(Reached(address, "private"))
    assert finding.message == f"some_way leads to {address}, which is a public address"
    assert finding.fix is not None
    assert "public_network" in finding.fix.text


@pytest.mark.parametrize("address", [*PUBLIC, *HERE])
def test_the_public_network_to_a_public_address_passes(address: str) -> None:
    assert subjects(PublicAddress, address, "public") == []


@pytest.mark.parametrize("address", PRIVATE)
def test_the_public_network_to_a_private_address_is_an_alarm(address: str) -> None:
    assert subjects(PublicAddress, address, "public") == ["source"]


def test_ranges_of_the_policy_count_as_private() -> None:
    assert subjects(PrivateAddress, "9.0.0.1", "private", ranges=["9.0.0.0/8"]) == []
    assert subjects(PublicAddress, "9.0.0.1", "public", ranges=["9.0.0.0/8"]) == ["source"]
    assert subjects(PrivateAddress, "2001:4860:4860::8888", "private", ranges=["9.0.0.0/8"]) == ["source"]


def test_a_range_that_is_none_is_no_pass() -> None:
    with pytest.raises(Undetermined, match=r"9\.0\.0/8, which is no network"):
        subjects(PrivateAddress, "9.0.0.1", "private", ranges=["9.0.0/8"])


@pytest.mark.parametrize("check", [PrivateAddress, PublicAddress, TlsVerification])
def test_other_ways_may_lead_anywhere(check: Any) -> None:
    for address in (*PRIVATE, *PUBLIC):
        assert subjects(check, address, None, "disable") == []


@pytest.mark.parametrize("check", [PrivateAddress, PublicAddress, TlsVerification])
def test_real_sessions_of_this_machine_pass(found: Any, source_route: Route, target_route: Route, check: Any) -> None:
    assert found(check, source_route, target_route) == []


@pytest.mark.parametrize("mode", LACKS)
def test_every_mode_below_the_strongest_is_an_alarm_over_the_internet(mode: str) -> None:
    [finding] = TlsVerification().check(Reached("8.8.8.8", "public", mode))
    assert finding.message == f"tls mode {mode}: {LACKS[mode]}"
    assert subjects(TlsVerification, "8.8.8.8", "private", mode) == []
    assert subjects(TlsVerification, "127.0.0.1", "public", mode) == []


def test_the_strongest_mode_passes() -> None:
    assert subjects(TlsVerification, "8.8.8.8", "public", "verify-full") == []
