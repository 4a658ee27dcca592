"""Rows are relayed in clear and over TLS: the report says so, and a server that dies in the middle of a COPY costs
neither a row nor half of one."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg import sql
from runs import LINK_SETTINGS, Bench

from dtsrun.postgres.server import PrivateServer
from dtsrun.testing.certificates import encrypted, versions_that_encrypt

ROWS = 8000


class Either(Bench):
    """Two servers, and whether the source encrypts."""

    encrypts = False


@pytest.fixture(params=["clear", "tls"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Either]:
    """A source in clear or with TLS; servers of the test's own, since they are killed."""
    encrypts = request.param == "tls"
    versions = versions_that_encrypt() if encrypts else [16]
    if not versions:
        pytest.skip("no installed server was built with TLS (those of the embedded extra are not)")
    folder = Path(tempfile.mkdtemp(prefix="dtsrun-movers-"))
    folder.chmod(0o755)
    try:
        more = encrypted(folder) if encrypts else {}
        source = PrivateServer(folder / "source", versions[-1], settings={**LINK_SETTINGS, **more})
        target = PrivateServer(folder / "target", 18, settings=LINK_SETTINGS)
        try:
            source.start()
            target.start()
            bench = Either(source, target, tmp_path)
            bench.encrypts = encrypts
            fill(bench)
            yield bench
            bench.close()
        finally:
            source.destroy()
            target.destroy()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def fill(bench: Either) -> None:
    bench.on_source(None, "create database shop")
    for name in ("a", "b"):
        bench.on_source(
            "shop",
            f"create table public.{name} (n int primary key, note text);"
            f" insert into public.{name} select n, repeat(md5(n::text), 30) from generate_series(1, {ROWS}) n",
        )


def spec(bench: Either, retry: str) -> Path:
    mode = "require" if bench.encrypts else "disable"
    source = bench.endpoint(bench.source)
    source["access"]["tls"] = {"mode": mode}
    return bench.spec(
        settings={"retry": {"for": retry}},
        source=source,
        target=bench.endpoint(bench.target),
        resources={"copy": 2, "rate_limit": "4MB/s"},
    )


def kill(server: PrivateServer) -> None:
    """Kill the server and all its processes, as the system does where memory is out."""
    postmaster = int((server.folder / "data" / "postmaster.pid").read_text().split("\n", 1)[0])
    children = [
        int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and _parent(entry) == postmaster
    ]
    for pid in (postmaster, *children):
        os.kill(pid, signal.SIGKILL)


def _parent(entry: Path) -> int | None:
    try:
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return None


def counts(bench: Either) -> list[int]:
    """Return how many rows of each table are on the target, as far as it holds them."""
    if "shop" not in bench.databases():
        return [0, 0]
    names = [name for name in "ab" if bench.on_target("shop", "select to_regclass(%s) as t", f"public.{name}")[0].t]
    query = sql.SQL("select count(*) as n from public.{}")
    return [bench.on_target("shop", query.format(sql.Identifier(name)))[0].n for name in names]


def test_the_report_says_what_moved_the_rows(shop: Either) -> None:
    done = shop.run(spec(shop, "20s"))
    assert done.code == 0, done.said
    ways = {key: step.message for key, step in shop.steps().items() if "full/public." in key}
    assert set(ways.values()) == {"relay, binary"}
    assert "relay, binary" in shop.run("show", "move").out
    assert shop.differences() == []


@pytest.mark.parametrize("side", ["source", "target"])
def test_a_server_that_is_killed_in_the_middle_of_a_copy_costs_no_row(shop: Either, side: str) -> None:
    server = shop.source if side == "source" else shop.target
    running = shop.start(spec(shop, "60s"))
    assert running.wait_for(lambda event: event["event"] == "progress" and event["copied"] > 2**21)
    kill(server)
    timer = threading.Timer(1.5, server.start)
    timer.start()
    done = running.end()
    timer.join()
    assert done.code == 0, done.said
    assert "trying again" in done.said
    assert counts(shop) == [ROWS, ROWS]
    assert shop.differences() == []
    assert shop.leftovers() == {}


@pytest.mark.parametrize("side", ["source", "target"])
def test_without_retries_it_ends_with_a_clear_error_and_goes_on_when_run_again(shop: Either, side: str) -> None:
    server = shop.source if side == "source" else shop.target
    path = spec(shop, "0")
    running = shop.start(path)
    assert running.wait_for(lambda event: event["event"] == "progress" and event["copied"] > 2**21)
    kill(server)
    done = running.end()
    assert done.code in (4, 5), done.said
    assert "server closed the connection unexpectedly" in done.said or "connection to server" in done.said, done.said
    server.start()
    # A table is there as a whole or not at all.
    assert set(counts(shop)) <= {0, ROWS}
    done = shop.run(path)
    assert done.code == 0, done.said
    assert shop.differences() == []
