"""The access type `acme_env`."""

import pytest
from dtsrun_acme.acme_env import AcmeEnv

from dtsrun.api import SecretReference
from dtsrun.errors import AccessError
from dtsrun.registry import load_registry
from dtsrun.testing.contracts import AccessTypeContract
from dtsrun.testing.fakes import FakeAccessContext, make_endpoint


class TestAcmeEnv(AccessTypeContract):
    """What every access type keeps."""

    plugin = AcmeEnv

    @pytest.fixture
    def endpoint(self, source_route):
        """The stage `laptop` is this machine, where the test's server runs."""
        return make_endpoint(
            access={"service": "shop", "stage": "laptop", "port": int(source_route.parameters["port"])},
            account=source_route.parameters["user"],
            password=SecretReference(kind="env", value="SHOP_PASSWORD"),
        )

    @pytest.fixture
    def access_context(self, source_route, tmp_path):
        """It knows the password of the test's server."""
        secrets = {"SHOP_PASSWORD": source_route.parameters["password"]}
        return FakeAccessContext(home=tmp_path, spec_folder=tmp_path, secrets=secrets)


@pytest.mark.parametrize(
    ("stage", "host"), [("production", "shop.db.acme.example"), ("staging", "shop.stg.db.acme.example")]
)
def test_the_rule_gives_the_host_and_tls(stage, host, tmp_path):
    endpoint = make_endpoint(access={"service": "shop", "stage": stage}, account="migrator")
    with AcmeEnv().open(endpoint, FakeAccessContext(home=tmp_path, spec_folder=tmp_path)) as route:
        assert (route.parameters["host"], route.parameters["sslmode"]) == (host, "verify-full")
        assert route.description == f"shop ({stage}) as migrator"


def test_an_account_is_needed(tmp_path):
    endpoint = make_endpoint("target", access={"service": "shop", "stage": "laptop"})
    context = FakeAccessContext(home=tmp_path, spec_folder=tmp_path)
    with pytest.raises(AccessError, match="target: acme_env needs an account"), AcmeEnv().open(endpoint, context):
        pass


def test_dtsrun_finds_both_plugins_by_the_entry_point():
    registry = load_registry()
    assert registry.origin("precheck.acme_table_names").startswith("dtsrun-acme ")
    assert registry.origin("access.acme_env").startswith("dtsrun-acme ")
