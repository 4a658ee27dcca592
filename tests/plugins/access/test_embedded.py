"""`embedded`: a private server that is filled once, stops with the task, and can be kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dtsrun.api import Endpoint, SecretReference
from dtsrun.api.plugins import Removable
from dtsrun.errors import AccessError
from dtsrun.postgres.server import PrivateServer
from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import AccessTypeContract
from dtsrun.testing.fakes import FakeAccessContext, make_endpoint
from dtsrun_plugins.access.embedded import Embedded, _file_name

FAST = {"fsync": False, "shared_buffers": "16MB"}
SEED = "create table public.seeded as select 42 as answer;\n"


@pytest.fixture
def access_context(tmp_path: Path) -> Iterator[FakeAccessContext]:
    """A spec's folder with a seed; its servers are removed at the end."""
    (tmp_path / "seed.sql").write_text(SEED)
    context = FakeAccessContext(home=tmp_path / "home", spec_folder=tmp_path, task="trial", secrets={"x": "secret"})
    yield context
    for side in ("source", "target"):
        server_of(context, side).destroy()


@pytest.fixture(scope="module")
def shared_context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeAccessContext]:
    """A context whose server outlives the single test."""
    folder = tmp_path_factory.mktemp("contract")
    context = FakeAccessContext(home=folder / "home", spec_folder=folder, task="contract")
    yield context
    server_of(context).destroy()


def server_of(context: FakeAccessContext, side: str = "source") -> PrivateServer:
    return PrivateServer(context.home / "servers" / f"{context.task}-{side}", 18)


def described(side: Any = "source", **access: Any) -> Endpoint:
    return make_endpoint(side, "embedded", access={"version": 18, "settings": FAST, **access})


def answer(route: Any, database: str | None = None) -> int:
    with connect(route, database) as connection:
        return connection.execute("select answer from public.seeded").fetchone().answer


class TestEmbedded(AccessTypeContract):
    """What every access type keeps."""

    plugin = Embedded

    @pytest.fixture
    def access_context(self, shared_context: FakeAccessContext) -> FakeAccessContext:  # type: ignore[override]
        """One server for all of them: each leaves it as it found it."""
        return shared_context

    @pytest.fixture
    def endpoint(self) -> Endpoint:
        """A server without a seed."""
        return described()


def test_it_is_filled_once_and_what_is_in_it_stays(access_context: FakeAccessContext) -> None:
    endpoint = described(seed="seed.sql")
    with Embedded().open(endpoint, access_context) as route:
        assert answer(route) == 42
        with connect(route) as connection:
            connection.execute("update public.seeded set answer = 43")
    assert not server_of(access_context).is_running
    with Embedded().open(endpoint, access_context) as route:
        assert answer(route) == 43


def test_both_sides_of_a_task_are_servers_of_their_own(access_context: FakeAccessContext) -> None:
    with (
        Embedded().open(described("source"), access_context) as source,
        Embedded().open(described("target"), access_context) as target,
    ):
        assert source.parameters["port"] != target.parameters["port"]


def test_seeds_by_database_create_it(access_context: FakeAccessContext) -> None:
    (access_context.spec_folder / "more.sql").write_text("update seeded set answer = answer + 1;\n")
    endpoint = described(seed={"shop": ["seed.sql", "more.sql"], "postgres": "seed.sql"})
    with Embedded().open(endpoint, access_context) as route:
        assert (answer(route, "shop"), answer(route)) == (43, 42)


def test_settings_are_those_of_the_spec(access_context: FakeAccessContext) -> None:
    settings = {**FAST, "work_mem": "7MB", "autovacuum_naptime": 77}
    with Embedded().open(described(settings=settings), access_context) as route, connect(route) as connection:
        assert connection.execute("show work_mem").fetchone()[0] == "7MB"
        assert connection.execute("show autovacuum_naptime").fetchone()[0] == "77s"
        assert connection.execute("show fsync").fetchone()[0] == "off"


def test_a_kept_server_goes_on_and_says_how_to_look_at_it(access_context: FakeAccessContext) -> None:
    with Embedded().open(described(keep=True), access_context) as route:
        (note,) = route.notes
        assert note.startswith("source:\n  PGPASSWORD=")
        assert f"-p {route.parameters['port']} -U postgres" in note
        assert route.parameters["password"] not in note
    assert server_of(access_context).is_running
    with Embedded().open(described(), access_context) as route:
        assert route.notes == ()
    assert not server_of(access_context).is_running


def test_a_failing_seed_names_its_line_and_is_begun_anew(access_context: FakeAccessContext) -> None:
    seed = access_context.spec_folder / "seed.sql"
    seed.write_text(f"{SEED}\nselect no_such_function();\n")
    endpoint = described(seed="seed.sql")
    with (
        pytest.raises(AccessError, match=r"seed.sql:3: the seed fails: function no_such_function\(\) does not exist"),
        Embedded().open(endpoint, access_context),
    ):
        raise AssertionError
    assert not server_of(access_context).is_running
    seed.write_text(SEED)
    with Embedded().open(endpoint, access_context) as route:
        assert answer(route) == 42


def test_a_failing_seed_is_the_first_step_of_the_connectivity_test(access_context: FakeAccessContext) -> None:
    first, *rest = Embedded().probe(described(seed="missing.sql"), access_context)
    assert (first.step, first.status) == ("open", "failed")
    assert f"the seed {access_context.spec_folder / 'missing.sql'} is not there" in first.message
    assert {result.status for result in rest} == {"skipped"}


def test_a_changed_seed_is_not_mistaken_for_the_old_one(access_context: FakeAccessContext) -> None:
    endpoint = described(seed="seed.sql")
    with Embedded().open(endpoint, access_context):
        pass
    (access_context.spec_folder / "seed.sql").write_text("select 1;")
    with pytest.raises(AccessError, match="was filled from another seed"), Embedded().open(endpoint, access_context):
        raise AssertionError


def test_removing_leaves_nothing_of_it_and_may_be_said_twice(access_context: FakeAccessContext) -> None:
    assert isinstance(Embedded(), Removable)
    with Embedded().open(described(keep=True), access_context):
        pass
    server = server_of(access_context)
    assert server.is_running
    for _ in range(2):
        Embedded().remove(described(keep=True), access_context)
        assert not server.is_running
        assert not server.folder.exists()


def test_an_account_of_the_seed_works_on_it(access_context: FakeAccessContext) -> None:
    (access_context.spec_folder / "seed.sql").write_text("create role modest login password 'secret';")
    endpoint = make_endpoint(
        "source",
        "embedded",
        access={"version": 18, "settings": FAST, "seed": "seed.sql"},
        account="modest",
        password=SecretReference(kind="env", value="x"),
    )
    with Embedded().open(endpoint, access_context) as route:
        assert route.description.endswith(" as modest")
        with connect(route) as connection:
            assert connection.execute("select current_user::text as me").fetchone().me == "modest"


def test_a_failure_of_the_task_stops_the_server_too(access_context: FakeAccessContext) -> None:
    with pytest.raises(KeyboardInterrupt), Embedded().open(described(), access_context):
        raise KeyboardInterrupt
    assert not server_of(access_context).is_running


def test_a_version_that_is_not_there_says_so(access_context: FakeAccessContext) -> None:
    with (
        pytest.raises(AccessError, match="no server of PostgreSQL 9 "),
        Embedded().open(described(version=9), access_context),
    ):
        raise AssertionError


@pytest.mark.parametrize("name", ["shop", "shop-to-cloud", "Shop/Eu", "shop eu", "..", "x" * 200, "商店"])
def test_any_task_has_a_folder_of_its_own(name: str) -> None:
    folder = _file_name(name)
    assert len(folder) <= 60
    assert Path(folder).name == folder
    assert folder not in {"", ".", ".."}
    assert _file_name(name + " ") != folder
