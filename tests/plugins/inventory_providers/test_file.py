"""`file`: instances that a file lists."""

from __future__ import annotations

from pathlib import Path

import pytest

from dtsrun.api import Instance, WantedInstance
from dtsrun.errors import AccessError
from dtsrun.spec import InvalidSpec
from dtsrun.testing.contracts import InventoryProviderContract
from dtsrun.testing.fakes import FakeAccessContext
from dtsrun_plugins.inventory_providers.file import FileInventory

LISTED = """\
dtsrun_inventory: 1
instances:
  - {id: ins-1, region: ap-guangzhou, address: 10.0.3.17, kind: machine, network: vpc-1, tags: {team: shop}}
  - {id: ins-2, region: ap-guangzhou, address: [10.0.3.18, 10.0.9.18]}
  - {id: postgres-1, region: ap-guangzhou, address: db.internal, port: 5433, kind: database, account: "100001"}
  - {id: postgres-1, region: ap-beijing, address: 10.8.0.4}
"""


def machine(name: str, region: str = "ap-guangzhou") -> WantedInstance:
    return WantedInstance(id=name, region=region, kind="machine")


def database(name: str, region: str = "ap-guangzhou") -> WantedInstance:
    return WantedInstance(id=name, region=region, kind="database")


class TestFileInventory(InventoryProviderContract):
    """What every inventory provider keeps."""

    plugin = FileInventory

    @pytest.fixture
    def provider_options(self, tmp_path: Path) -> dict[str, str]:
        """A file beside the spec."""
        (tmp_path / "inventory.yaml").write_text(LISTED)
        return {"path": "inventory.yaml"}

    @pytest.fixture
    def known(self) -> tuple[WantedInstance, str]:
        """A machine that it lists."""
        return machine("ins-1"), "10.0.3.17"

    @pytest.fixture
    def unknown(self) -> WantedInstance:
        """One that it does not list."""
        return machine("ins-9")


def find(folder: Path, wanted: WantedInstance, text: str = LISTED) -> Instance:
    (folder / "inventory.yaml").write_text(text)
    context = FakeAccessContext(home=folder, spec_folder=folder)
    return FileInventory().find(wanted, {"path": "inventory.yaml"}, context)


def test_all_that_is_listed_is_told(tmp_path: Path) -> None:
    assert find(tmp_path, database("postgres-1")) == Instance(
        id="postgres-1", region="ap-guangzhou", addresses=("db.internal",), port=5433, account="100001"
    )
    assert find(tmp_path, machine("ins-1")).network == "vpc-1"
    assert find(tmp_path, machine("ins-2")).addresses == ("10.0.3.18", "10.0.9.18")


def test_one_id_may_stand_in_several_regions(tmp_path: Path) -> None:
    assert find(tmp_path, database("postgres-1", "ap-beijing")).addresses == ("10.8.0.4",)


def test_an_id_that_is_not_known_comes_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(AccessError, match="does not know database postgres-l; did you mean `postgres-1`") as caught:
        find(tmp_path, database("postgres-l"))
    assert caught.value.where == str(tmp_path / "inventory.yaml")


def test_the_regions_that_know_it_are_named(tmp_path: Path) -> None:
    with pytest.raises(AccessError, match="knows machine ins-1 in ap-guangzhou, and the spec says region eu-west"):
        find(tmp_path, machine("ins-1", "eu-west"))


def test_a_machine_is_no_managed_database(tmp_path: Path) -> None:
    with pytest.raises(AccessError, match="ins-1 is a machine, and the access type looks for a database") as caught:
        find(tmp_path, database("ins-1"))
    assert "self_build_cvm" in (caught.value.hint or "")
    assert find(tmp_path, database("ins-2")).id == "ins-2"


def test_a_file_that_is_not_there_says_how_to_name_another(tmp_path: Path) -> None:
    context = FakeAccessContext(home=tmp_path, spec_folder=tmp_path)
    with pytest.raises(AccessError, match=r"the inventory .*/inventory.yaml cannot be read: no such file") as caught:
        FileInventory().find(machine("ins-1"), {"path": "inventory.yaml"}, context)
    assert "access.inventory" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("instances: []\n", "`dtsrun_inventory` is missing"),
        ("dtsrun_inventory: 1\ninstances:\n  - {id: a, region: b}\n", "3:5: /instances/0: `address` is missing"),
        (
            "dtsrun_inventory: 1\ninstances:\n  - {id: a, region: b, address: c, prot: 5432}\n",
            "3:36: /instances/0/prot: unknown key; did you mean `port`?",
        ),
        ("dtsrun_inventory: 1\ninstances:\n  - {id: a, region: b, address: []}\n", "/instances/0/address: expected"),
        (
            "dtsrun_inventory: 1\ninstances:\n  - {id: 7, region: b, address: c}\n",
            "expected text, found 7; write it in",
        ),
        (
            "dtsrun_inventory: 1\ninstances:\n  - {id: a, region: b, address: c}\n  - {id: a, region: b, address: d}\n",
            "4:10: /instances/1/id: a of b is listed twice; first at line 3",
        ),
        ("dtsrun_inventory: [\n", "1:"),
    ],
)
def test_what_is_wrong_with_the_file_is_told_with_its_place(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        find(tmp_path, machine("a", "b"), text)
    assert complaint in str(caught.value)
    assert str(tmp_path / "inventory.yaml") in str(caught.value)
