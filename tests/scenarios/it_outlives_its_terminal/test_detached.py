"""`--detach`: the runner goes on without the terminal that started it; another terminal follows it to its end."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
import yaml
from runs import Bench, is_step


@pytest.fixture
def shop(bench: Bench) -> Bench:
    bench.seed_slow()
    yield bench
    task = json.loads(bench.run("list", "--json").out)
    if task and not task[0]["is_abandoned"] and "pause" in task[0]["allowed"]:
        bench.run("stop", "move", "--yes")


def runner_of(bench: Bench) -> int:
    return int(bench.task().runner.rpartition(":")[2])


def test_it_goes_on_alone_and_is_followed_to_its_end(shop: Bench) -> None:
    began = shop.run(shop.spec(), "--detach")
    assert began.code == 0, began.said
    assert "dtsrun show move --follow" in began.out
    assert "checking both ends" not in began.out
    # A session of its own: no terminal can take it down with it.
    assert os.getsid(runner_of(shop)) == runner_of(shop)
    followed = shop.start("show", "move", "--follow")
    assert followed.wait_for(is_step("shop/full/public.wide"))
    done = followed.end()
    assert done.code == 0, done.said
    report = json.loads(done.out.splitlines()[-1])
    assert (report["dtsrun_report"], report["state"]) == (1, "succeeded")
    moved = [e for e in (*followed.seen, *done.events) if e.get("event") == "progress" and e["copied"]]
    assert any(0 < event["copied"] < event["to_copy"] for event in moved)
    shop.hurry()
    assert shop.differences() == []
    output = shop.home / "tasks" / "move" / "output.log"
    assert "succeeded" in output.read_text()
    assert output.stat().st_mode & 0o777 == 0o600


def test_looking_away_leaves_it_running(shop: Bench) -> None:
    assert shop.run(shop.spec(), "--detach", "--quiet").code == 0
    followed = shop.start("show", "move", "--follow")
    assert followed.wait_for(is_step("shop", "running"))
    followed.send(signal.SIGINT)
    looked_away = followed.end()
    assert looked_away.code == 0
    assert "task move goes on" in looked_away.err
    assert shop.task().state == "running"
    assert shop.run("pause", "move").code == 0
    shop.hurry()
    resumed = shop.run("resume", "move", "--detach", "--json")
    assert resumed.code == 0, resumed.said
    told = json.loads(resumed.out)
    assert (told["task"], told["runner"]) == ("move", shop.task().runner)
    followed = shop.run("show", "move", "--follow")
    assert followed.code == 0, followed.said
    assert "move: succeeded" in followed.out


def test_a_killed_runner_ends_the_following_and_says_so(shop: Bench) -> None:
    assert shop.run(shop.spec(), "--detach").code == 0
    followed = shop.start("show", "move", "--follow")
    assert followed.wait_for(is_step("shop", "running"))
    os.kill(runner_of(shop), signal.SIGKILL)
    done = followed.end()
    assert done.code == 5
    assert json.loads(done.out.splitlines()[-1])["is_abandoned"] is True


def test_a_spec_that_is_wrong_is_told_in_the_foreground(shop: Bench) -> None:
    spec = shop.spec(migration={"type": "sideways"})
    refused = shop.run(spec, "--detach")
    assert refused.code == 2
    assert "/migration/type" in refused.err
    assert not (shop.home / "tasks").exists()


def test_checks_that_fail_are_told_in_the_foreground(shop: Bench) -> None:
    shop.on_target(None, "create database shop")
    shop.on_target("shop", "create table public.wide (id int)")
    refused = shop.run(shop.spec(), "--detach")
    assert refused.code == 6, refused.said
    assert "prechecks failed" in refused.said
    assert shop.task().state == "check_failed"


def test_a_second_one_is_refused(shop: Bench) -> None:
    spec = shop.spec()
    assert shop.run(spec, "--detach").code == 0
    second = shop.run(spec, "--detach")
    assert second.code == 5
    assert f":{runner_of(shop)}" in second.err


def test_passwords_of_the_environment_reach_it_and_nothing_else_holds_them(shop: Bench) -> None:
    shop.on_source(None, "create role mover superuser login password 'pass-of-the-mover'")
    path = shop.spec()
    document = yaml.safe_load(path.read_text())
    server = shop.source.route.parameters
    document["source"] = {
        "type": "postgresql",
        "access": {
            "type": "public_network",
            "host": server["host"],
            "port": int(server["port"]),
            "tls": {"mode": "disable"},
        },
        "account": "mover",
        "password": {"env": "SOURCE_PASSWORD"},
    }
    path.write_text(yaml.safe_dump(document))
    began = shop.run(path, "--detach", "--yes", SOURCE_PASSWORD="pass-of-the-mover")
    assert began.code == 0, began.said
    arguments = Path(f"/proc/{runner_of(shop)}/cmdline").read_bytes()
    assert b"pass-of-the-mover" not in arguments
    assert shop.task().state == "running"  # both ends were opened: it has the password
    assert shop.run("stop", "move", "--yes").code == 0
    held = [file for file in shop.home.rglob("*") if file.is_file() and b"pass-of-the-mover" in file.read_bytes()]
    assert held == []
