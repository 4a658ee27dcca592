"""`tencentcloud`: instances that the cloud's API describes, over the wire."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dtsrun.api import Instance, WantedInstance
from dtsrun.errors import AccessError, PluginError
from dtsrun.registry import load_registry
from dtsrun.spec import InvalidSpec, parse_spec
from dtsrun.testing.contracts import InventoryProviderContract
from dtsrun.testing.fakes import FakeAccessContext
from dtsrun_plugins.inventory_providers import tencentcloud
from dtsrun_plugins.inventory_providers.tencentcloud import TencentCloud

pytest.importorskip("tencentcloud.common", reason="the SDK (extra tencentcloud) is not installed")

# What the SDK does on newer versions of Python.
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcfromtimestamp:DeprecationWarning")


def _module_beside(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


cloud_api = _module_beside("cloud_api")


@dataclass(frozen=True, kw_only=True)
class Api:
    """The running API."""

    address: str
    seen: list[dict[str, Any]] = field(default_factory=list)

    def options(self, key: str = "AKIDexample", **more: Any) -> dict[str, Any]:
        secrets = {"secret_id": {"env": "id"}, "secret_key": {"env": "key"}}
        return {**secrets, "endpoint": self.address, **more}

    def find(self, folder: Path, wanted: WantedInstance, key: str = "AKIDexample", secret: str = "") -> Instance:
        secrets = {"id": key, "key": secret or cloud_api.KEYS.get(key, "unknown")}
        context = FakeAccessContext(home=folder, spec_folder=folder, secrets=secrets)
        return TencentCloud().find(wanted, self.options(), context)


@pytest.fixture(scope="module")
def running() -> Iterator[Api]:
    """The API, started once."""
    with cloud_api.running_api() as (address, seen):
        yield Api(address=address, seen=seen)


@pytest.fixture
def api(running: Api) -> Api:
    """The API, with nothing asked yet."""
    running.seen.clear()
    return running


def machine(name: str, region: str = "ap-guangzhou") -> WantedInstance:
    return WantedInstance(id=name, region=region, kind="machine")


def database(name: str, region: str = "ap-guangzhou", role: str | None = None) -> WantedInstance:
    return WantedInstance(id=name, region=region, kind="database", role=role)


class TestTencentCloud(InventoryProviderContract):
    """What every inventory provider keeps."""

    plugin = TencentCloud

    @pytest.fixture
    def access_context(self, tmp_path: Path) -> FakeAccessContext:
        """It knows the keys."""
        secrets = {"id": "AKIDexample", "key": "the-secret-key"}
        return FakeAccessContext(home=tmp_path, spec_folder=tmp_path, secrets=secrets)

    @pytest.fixture
    def provider_options(self, api: Api) -> dict[str, Any]:
        """The API of this machine."""
        return api.options()

    @pytest.fixture
    def known(self) -> tuple[WantedInstance, str]:
        """A machine."""
        return machine("ins-1"), "10.0.3.17"

    @pytest.fixture
    def unknown(self) -> WantedInstance:
        """One that does not exist."""
        return machine("ins-9")


def test_a_machine_is_told_by_its_private_address(api: Api, tmp_path: Path) -> None:
    found = api.find(tmp_path, machine("ins-1"))
    assert found == Instance(id="ins-1", region="ap-guangzhou", addresses=("10.0.3.17",), network="vpc-1")
    [request] = api.seen
    assert (request["service"], request["action"]) == ("cvm", "DescribeInstances")
    assert request["parameters"] == {"InstanceIds": ["ins-1"]}


def test_a_database_is_told_with_its_port_and_without_its_public_way(api: Api, tmp_path: Path) -> None:
    found = api.find(tmp_path, database("postgres-1"))
    assert found == Instance(
        id="postgres-1", region="ap-guangzhou", addresses=("10.0.5.4",), port=5432, network="vpc-1"
    )


def test_several_addresses_are_told_all(api: Api, tmp_path: Path) -> None:
    assert api.find(tmp_path, machine("ins-3")).addresses == ("10.0.3.18", "10.0.9.18")


def test_the_region_that_has_it_is_found(api: Api, tmp_path: Path) -> None:
    with pytest.raises(AccessError, match="machine ins-2 is in ap-beijing, and the spec says region ap-guangzhou"):
        api.find(tmp_path, machine("ins-2"))
    assert [request["region"] for request in api.seen] == ["ap-guangzhou", "ap-guangzhou", "ap-beijing"]


@pytest.mark.parametrize("name", ["ins-9", "nonsense"])
def test_what_no_region_knows_is_said_so(api: Api, tmp_path: Path, name: str) -> None:
    with pytest.raises(AccessError, match=f"does not know machine {name} in region ap-guangzhou") as caught:
        api.find(tmp_path, machine(name))
    assert "account_mode" in (caught.value.hint or "")


def test_an_instance_that_has_no_address_yet_is_no_success(api: Api, tmp_path: Path) -> None:
    with pytest.raises(AccessError, match="ins-4 has no private address"):
        api.find(tmp_path, machine("ins-4"))


def test_a_lack_of_permission_names_the_action(api: Api, tmp_path: Path) -> None:
    with pytest.raises(AccessError, match="the credentials may not call cvm:DescribeInstances") as caught:
        api.find(tmp_path, machine("ins-1"), key="AKIDpoor")
    assert caught.value.hint == "let them call cvm:DescribeInstances"


def test_an_api_that_is_asked_too_often_is_asked_again(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tencentcloud, "PAUSES", (0.0,) * cloud_api.BUSY_FOR)
    assert api.find(tmp_path, machine("ins-1"), key="AKIDbusy").addresses == ("10.0.3.17",)
    assert len(api.seen) == cloud_api.BUSY_FOR + 1


def test_an_api_that_stays_too_busy_is_told(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tencentcloud, "PAUSES", (0.0,) * (cloud_api.BUSY_FOR - 1))
    with pytest.raises(AccessError, match="asked for cvm:DescribeInstances too often.*RequestLimitExceeded") as caught:
        api.find(tmp_path, machine("ins-1"), key="AKIDbusy")
    assert "other programs" in (caught.value.hint or "")


def test_wrong_credentials_are_told_and_not_shown(api: Api, tmp_path: Path) -> None:
    with pytest.raises(AccessError, match="does not accept the credentials.*SignatureFailure") as wrong:
        api.find(tmp_path, machine("ins-1"), secret="a-wrong-key")
    with pytest.raises(AccessError, match=r"SecretId \*\*\* is not found.*SecretIdNotFound") as unknown:
        api.find(tmp_path, machine("ins-1"), key="AKIDnobody")
    for error in (wrong.value, unknown.value):
        shown = f"{error} {error.hint} {error!r}"
        assert "AKIDnobody" not in shown
        assert "a-wrong-key" not in shown
        assert error.__cause__ is None


def test_missing_credentials_say_how_to_name_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    context = FakeAccessContext(home=tmp_path, spec_folder=tmp_path)
    with pytest.raises(AccessError, match="no credentials") as caught:
        TencentCloud().find(machine("ins-1"), {}, context)
    assert "TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY" in (caught.value.hint or "")


def test_the_environment_serves_too(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENCENTCLOUD_SECRET_ID", "AKIDlent")
    monkeypatch.setenv("TENCENTCLOUD_SECRET_KEY", "the-lent-key")
    monkeypatch.setenv("TENCENTCLOUD_TOKEN", "the-lent-token")
    context = FakeAccessContext(home=tmp_path, spec_folder=tmp_path)
    found = TencentCloud().find(machine("ins-1"), {"endpoint": api.address}, context)
    assert found.addresses == ("10.0.3.17",)


def test_another_accounts_instance_is_described_by_its_role(api: Api, tmp_path: Path) -> None:
    with pytest.raises(AccessError, match="does not know database postgres-2"):
        api.find(tmp_path, database("postgres-2"))
    api.seen.clear()
    assert api.find(tmp_path, database("postgres-2", role=cloud_api.ROLE)).addresses == ("10.1.1.1",)
    assert [(request["action"], request["key"]) for request in api.seen] == [
        ("AssumeRole", "AKIDexample"),
        ("DescribeDBInstances", "AKIDlent"),
    ]


def test_a_role_that_is_not_there_says_how_roles_are_written(api: Api, tmp_path: Path) -> None:
    with pytest.raises(AccessError, match="the role dtsrun cannot be taken on.*role not exist") as caught:
        api.find(tmp_path, database("postgres-2", role="dtsrun"))
    assert "qcs::cam::uin/" in (caught.value.hint or "")


def test_an_api_that_does_not_answer_is_no_unknown_instance(tmp_path: Path) -> None:
    with pytest.raises(AccessError, match="the cloud's API does not answer") as caught:
        Api(address="http://127.0.0.1:1").find(tmp_path, machine("ins-1"))
    assert "the-secret-key" not in str(caught.value)


def test_without_the_sdk_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tencentcloud.common", None)
    context = FakeAccessContext(home=tmp_path, spec_folder=tmp_path)
    with pytest.raises(PluginError, match="tencentcloud-sdk-python-common") as caught:
        TencentCloud().find(machine("ins-1"), {}, context)
    assert "dtsrun[tencentcloud]" in (caught.value.hint or "")


SPEC = """\
dtsrun: 1
task: {{name: shop}}
source:
  type: postgresql
  region: ap-guangzhou
  access: {{type: database, instance: postgres-1, inventory: {{type: tencentcloud, {inventory}}}}}
target: {{type: postgresql, access: {{type: public_network, host: db.example.com}}}}
migration: {{type: full, objects: entire_instance}}
"""


@pytest.mark.parametrize(
    ("inventory", "words"),
    [
        ("secret_id: {env: A}, secret_key: {env: B}", None),
        ("secret_id: AKIDtext, secret_key: {env: B}", "expected a mapping, found text (not shown)"),
        ("secret_id: {evn: A}, secret_key: {env: B}", "unknown key; did you mean `env`?"),
        ("secret_id: {env: A}", "`secret_key` is missing, which `secret_id` needs"),
        ("endpoint: 'http://api.example.com'", "expected an address that begins with https://"),
    ],
)
def test_keys_are_references_and_never_text(inventory: str, words: str | None) -> None:
    text = SPEC.format(inventory=inventory)
    if words is None:
        assert parse_spec(text, path=Path("spec.yaml"), registry=load_registry()).warnings == ()
        return
    with pytest.raises(InvalidSpec) as caught:
        parse_spec(text, path=Path("spec.yaml"), registry=load_registry())
    assert words in str(caught.value)
    assert "AKIDtext" not in str(caught.value)
