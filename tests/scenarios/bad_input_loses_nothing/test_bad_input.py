"""Bad input gets a clear word, the right exit code, and loses nothing."""

from __future__ import annotations

import socket

import pytest
from psycopg import sql
from runs import Bench


@pytest.fixture
def shop(bench: Bench) -> Bench:
    """A database of one table."""
    bench.on_source(None, "create database shop")
    bench.on_source(
        "shop", "create table public.orders (id int primary key); insert into public.orders values (1), (2)"
    )
    return bench


def network(server, **changes):
    """Return an endpoint by host and port; `changes` are libpq's words."""
    known = {**server.route.parameters, **changes}
    return {
        "access": {
            "type": "public_network", "host": known["host"], "port": int(known["port"]), "tls": {"mode": "disable"}
        },
        "account": known["user"],
        "password": {"env": "SOURCE_PASSWORD"},
    }  # fmt: skip


def test_every_mistake_of_a_spec_is_shown_at_once_with_its_place(bench: Bench) -> None:
    spec = bench.write("bad.yaml", "dtsrun: 1\ntask: {nam: x}\nsource:\n  type: postgresql\n  acess: {}\n")
    done = bench.run(spec)
    assert done.code == 2
    assert "bad.yaml:2:" in done.err
    assert "bad.yaml:5:" in done.err
    assert "name" in done.err
    assert "access" in done.err


def test_a_broken_plugin_stops_before_any_connection(bench: Bench) -> None:
    bench.write("broken.py", "raise RuntimeError('half written')")
    with socket.create_server(("127.0.0.1", 0)) as door:
        door.setblocking(False)
        end = network(bench.source, host="127.0.0.1", port=door.getsockname()[1])
        done = bench.run(bench.spec(plugins=["./broken.py"], source=end, target=end), SOURCE_PASSWORD="x")
        assert done.code == 3
        assert "broken.py" in done.err
        with pytest.raises(BlockingIOError):
            door.accept()  # nobody has knocked


@pytest.mark.parametrize(
    ("changes", "password", "word"),
    [
        ({}, "wrong", "password authentication failed"),
        ({"port": "1"}, "x", "refused"),
        ({"host": "there-is-no-such-host.invalid"}, "x", "there-is-no-such-host.invalid"),
    ],
)
def test_an_end_that_cannot_be_reached_says_why(shop: Bench, changes, password, word) -> None:
    spec = shop.spec(source=network(shop.source, **changes))
    done = shop.run(spec, SOURCE_PASSWORD=password)
    assert done.code == 4, done.said
    assert word in done.err
    assert "source" in done.err
    assert shop.run("test", spec, SOURCE_PASSWORD=password).code == 4


def test_a_secret_that_is_not_there_is_an_access_error(shop: Bench) -> None:
    done = shop.run(shop.spec(source=network(shop.source)))
    assert done.code == 4
    assert "SOURCE_PASSWORD" in done.err


def test_a_missing_grant_is_named_and_the_statement_mends_it(shop: Bench) -> None:
    shop.on_source(None, "create role reader login password 'secret'")
    chosen = {"databases": {"shop": {}}, "roles": ["reader"]}
    spec = shop.spec(
        source=network(shop.source, user="reader"), migration={"objects": chosen},
        prechecks={"policy": {"alarms": "continue"}},
    )  # fmt: skip
    refused = shop.run("check", spec, SOURCE_PASSWORD="secret")
    assert refused.code == 6, refused.said
    grant = 'GRANT SELECT ON TABLE public.orders TO "reader"'
    assert grant in refused.out
    shop.on_source("shop", grant)
    assert shop.run("check", spec, SOURCE_PASSWORD="secret").code == 0


def test_a_target_that_holds_the_table_is_not_touched(shop: Bench) -> None:
    shop.on_target(None, "create database shop")
    shop.on_target("shop", "create table public.orders (other text); insert into public.orders values ('precious')")
    done = shop.run(shop.spec())
    assert done.code == 6
    assert "TABLE public.orders" in done.said
    assert shop.on_target("shop", "select other from public.orders")[0].other == "precious"
    assert shop.leftovers() == {}


@pytest.mark.parametrize(("choice", "rows"), [("skip", [(7,)]), ("drop", [(1,), (2,)])])
def test_doubles_are_skipped_or_dropped_at_the_users_word(shop: Bench, choice, rows) -> None:
    shop.on_target(None, "create database shop")
    shop.on_target("shop", "create table public.orders (id int primary key); insert into public.orders values (7)")
    spec = shop.spec(migration={"on_conflict": choice, "objects": {"databases": {"shop": {}}}})
    assert shop.run(spec).code == 6, "an alarm asks first"
    done = shop.run(spec, "--yes")
    assert done.code == 0, done.said
    assert shop.on_target("shop", "select id from public.orders order by id") == rows
    assert shop.leftovers() == {}


def test_a_selection_that_is_not_closed_shows_the_line_that_closes_it(shop: Bench) -> None:
    shop.on_source("shop", "create table public.lines (o int references public.orders)")
    chosen = {"databases": {"shop": {"include": [{"table": "public.lines"}]}}}
    done = shop.run(shop.spec(migration={"objects": chosen}))
    assert done.code == 6
    assert "{table: public.orders}" in " ".join(done.said.split())
    assert shop.databases() == {"postgres"}


def test_a_pattern_that_names_nothing_is_an_error_with_its_place(shop: Bench) -> None:
    chosen = {"databases": {"shop": {"include": [{"table": "public.ordres"}]}}}
    done = shop.run(shop.spec(migration={"objects": chosen}))
    assert done.code == 2
    assert "public.ordres" in done.err
    assert "move.yaml:" in done.err


def test_passwords_appear_nowhere(shop: Bench) -> None:
    shop.on_source(None, sql.SQL("create role mover superuser login password {}").format("hunter2-hunter2"))
    done = shop.run(shop.spec(source=network(shop.source, user="mover")), SOURCE_PASSWORD="hunter2-hunter2")
    assert done.code == 0, done.said
    texts = [done.said, *(p.read_text("utf-8", "replace") for p in shop.home.rglob("*") if p.is_file())]
    assert not any("hunter2" in text for text in texts)
