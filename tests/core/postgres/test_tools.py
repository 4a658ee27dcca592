"""Client programs are found by version, and run without showing a password."""

from __future__ import annotations

import os
import pickle
import time
from dataclasses import replace
from pathlib import Path

import pytest

from dtsrun.api import Route
from dtsrun.errors import Interrupted, MigrationError, PluginError
from dtsrun.postgres import tools
from dtsrun.postgres.installations import embedded_folders
from dtsrun.postgres.session import connect
from dtsrun.postgres.tools import find_tool, run_tool, tool_version


def make_tool(folder: Path, version: str, name: str = "pg_dump") -> Path:
    """Make a program that says a version; otherwise it tells its arguments and environment."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / name
    program.write_text(
        "#!/bin/sh\n"
        f'if [ "$1" = --version ]; then echo "{name} (PostgreSQL) {version}"; exit; fi\n'
        f'printf "%s\\n" "$@" > "{folder}/arguments"; env > "{folder}/environment"; exit 0\n'
    )
    program.chmod(0o755)
    return program


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No programs but the test's own."""
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.delenv("DTSRUN_BIN", raising=False)
    monkeypatch.setattr(tools, "candidate_folders", list)
    return tmp_path


def test_of_those_new_enough_the_oldest_serves(alone: Path) -> None:
    made = {version: make_tool(alone / str(version), f"{version}.1") for version in (14, 16, 18)}
    folders = [alone / "18", alone / "14", alone / "16"]
    assert find_tool("pg_dump", at_least=15, folders=folders) == made[16]
    assert find_tool("pg_dump", at_least=16, folders=folders) == made[16]
    assert find_tool("pg_dump", at_least=17, folders=folders) == made[18]


def test_a_given_folder_goes_before_the_environment_and_that_before_the_path(
    alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_path = make_tool(alone / "path", "18.1")
    assert find_tool("pg_dump", at_least=18) == on_path
    in_variable = make_tool(alone / "variable", "18.2")
    monkeypatch.setenv("DTSRUN_BIN", str(alone / "variable"))
    assert find_tool("pg_dump", at_least=18) == in_variable
    given = make_tool(alone / "given", "18.3")
    assert find_tool("pg_dump", at_least=18, folders=[alone / "given"]) == given


def test_what_is_too_old_is_named(alone: Path) -> None:
    make_tool(alone / "path", "15.18 (Debian 15.18-0+deb12u1)")
    with pytest.raises(PluginError, match=r"no pg_dump of PostgreSQL 18 or later .* found only version 15") as caught:
        find_tool("pg_dump", at_least=18)
    assert "dtsrun[embedded]" in (caught.value.hint or "")
    assert "postgresql-client-18" in (caught.value.hint or "")
    assert pickle.loads(pickle.dumps(caught.value)).hint == caught.value.hint


def test_a_program_that_does_not_run_is_passed_over(alone: Path) -> None:
    broken = make_tool(alone / "broken", "18.1")
    broken.write_text("no program")
    good = make_tool(alone / "path", "18.1")
    assert find_tool("pg_dump", at_least=18, folders=[alone / "broken", alone / "none"]) == good


def test_a_program_that_says_a_version_where_it_lies_and_does_not_run_is_passed_over(alone: Path) -> None:
    broken = make_tool(alone / "broken", "18.1")
    broken.write_bytes(b"\x7fELF...\0pg_dump (PostgreSQL) 18.1\0")
    good = make_tool(alone / "path", "18.1")
    assert find_tool("pg_dump", at_least=18, folders=[alone / "broken"]) == good


def test_programs_are_not_run_to_learn_their_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(tools, "tool_version", lambda program: asked.append(program) or 18)
    found = find_tool("pg_dump", at_least=18, folders=embedded_folders())
    assert asked == [found]


def test_the_script_of_a_distribution_that_picks_a_program_is_no_candidate(alone: Path) -> None:
    script = make_tool(alone / "share", "18.1", "pg_wrapper")
    (alone / "path").mkdir()
    (alone / "path" / "pg_dump").symlink_to(script)
    with pytest.raises(PluginError, match="no pg_dump of PostgreSQL 18 or later is on this machine"):
        find_tool("pg_dump", at_least=18)


def test_a_program_that_was_replaced_is_asked_again(alone: Path) -> None:
    program = make_tool(alone / "path", "15.1")
    assert tool_version(program) == 15
    make_tool(alone / "path", "18.1")
    os.utime(program, (1, 1))
    assert tool_version(program) == 18


def test_the_embedded_extra_has_a_pg_dump_for_every_version() -> None:
    assert tool_version(find_tool("pg_dump", at_least=18)) == 18


def test_arguments_hold_no_password(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTHER_PASSWORD", "of the other end")
    monkeypatch.setenv("PATH", f"{alone / 'path'}:/usr/bin:/bin")
    program = make_tool(alone / "path", "18.1")
    route = Route(parameters={"host": "h", "password": "s3 cr'et", "sslmode": "disable"}, description="h")
    run_tool([program, "--schema-only"], route, "na\"me=1 'x' \\ e&host=1?a/b@c:d#e")
    arguments = (alone / "path" / "arguments").read_text()
    environment = (alone / "path" / "environment").read_text()
    assert arguments.startswith("--schema-only\n--dbname=")
    assert "s3 cr" not in arguments
    assert "PGPASSWORD=s3 cr'et" in environment
    assert "of the other end" not in environment
    assert "PGPASSWORD" not in os.environ


def test_the_passphrase_of_a_key_goes_by_a_file_that_is_gone_afterwards(
    alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{alone / 'path'}:/usr/bin:/bin")
    program = make_tool(alone / "path", "18.1")
    look = f'ls -l "$PGSERVICEFILE" > "{alone}/mode"; cat "$PGSERVICEFILE" > "{alone}/seen"'
    program.write_text(program.read_text().replace("exit 0", look))
    route = Route(parameters={"host": "h", "sslpassword": "open 'sesame'", "sslmode": "disable"}, description="h")
    run_tool([program], route, "shop")
    assert "sesame" not in (alone / "path" / "arguments").read_text()
    environment = (alone / "path" / "environment").read_text()
    assert "sesame" not in environment
    assert (alone / "seen").read_text() == "[dtsrun]\nsslpassword=open 'sesame'\n"
    assert (alone / "mode").read_text().startswith("-rw-------")
    file = next(line for line in environment.splitlines() if line.startswith("PGSERVICEFILE=")).partition("=")[2]
    assert not Path(file).exists()


def test_a_passphrase_that_cannot_be_handed_over_is_refused(alone: Path) -> None:
    route = Route(parameters={"sslpassword": " blank", "sslmode": "disable"}, description="h")
    with pytest.raises(PluginError, match="with blanks at its ends") as caught:
        run_tool([make_tool(alone / "path", "18.1")], route, "shop")
    assert "blank'" not in f"{caught.value}"


def test_a_database_of_any_name_is_dumped(source_route: Route, fresh_database, tmp_path: Path) -> None:
    name = fresh_database(source_route, name="na\"me=1 'x' %41 \\ e&host=1?a/b@c:d#e")
    with connect(source_route, name) as connection:
        connection.execute("create table public.found (id int)")
    out = tmp_path / "dump.sql"
    run_tool([find_tool("pg_dump", at_least=16), "--schema-only", f"--file={out}"], source_route, name)
    assert "CREATE TABLE public.found" in out.read_text()


def test_a_failure_is_told_in_the_programs_words(source_route: Route) -> None:
    with pytest.raises(MigrationError, match='pg_dump failed: .*"no_such" does not exist') as caught:
        run_tool([find_tool("pg_dump", at_least=16)], source_route, "no_such")
    assert source_route.parameters["password"] not in f"{caught.value} {caught.value.hint}"


def test_a_failure_of_many_lines_shows_them_as_a_hint(source_route: Route, fresh_database) -> None:
    name = fresh_database(source_route)
    with pytest.raises(MigrationError) as caught:
        run_tool([find_tool("psql", at_least=16), "-c", "select\n1 +\nno_such"], source_route, name)
    assert "no_such" in (caught.value.hint or "")


def _embedded_dump() -> Path:
    return next(folder / "pg_dump" for folder in embedded_folders() if "18" in folder.parent.name)


def test_a_program_without_tls_borrows_a_library_that_has_it() -> None:
    route = Route(parameters={"sslmode": "verify-full"}, description="h")
    lent = tools._tls_library(_embedded_dump(), route)
    assert b"SSL_CTX_new" in Path(lent["LD_PRELOAD"]).read_bytes()
    assert tools._tls_library(_embedded_dump(), replace(route, parameters={"sslmode": "disable"})) == {}


def test_a_library_that_lacks_what_a_program_calls_is_not_lent(tmp_path: Path) -> None:
    lent = Path(
        tools._tls_library(_embedded_dump(), Route(parameters={"sslmode": "require"}, description="h"))["LD_PRELOAD"]
    )
    assert tools._serves(lent, _embedded_dump())
    broken = tmp_path / "libpq-old.so.5"
    broken.write_bytes(lent.read_bytes()[:5000])
    assert not tools._serves(broken, _embedded_dump())


def test_a_program_without_tls_and_nothing_to_borrow_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "_other_libraries", lambda: iter(()))
    with pytest.raises(PluginError, match="was built without TLS, and the route asks for sslmode=require") as caught:
        tools._tls_library(_embedded_dump(), Route(parameters={"sslmode": "require"}, description="h"))
    assert "psycopg[binary]" in (caught.value.hint or "")
    assert tools._tls_library(_embedded_dump(), Route(parameters={}, description="h")) == {}


def test_a_program_that_is_stopped_cancels_what_its_server_does_for_it(source_route, fresh_database, tmp_path):
    name = fresh_database(source_route)
    waiting = "select from pg_stat_activity where application_name = 'pg_dump' and datname = %s and state = 'active'"
    with connect(source_route, name) as holder, connect(source_route) as watcher:
        holder.execute("create table public.held (n int)")
        holder.execute("begin")
        holder.execute("lock table public.held in access exclusive mode")
        argv = [find_tool("pg_dump", at_least=16), "--lock-wait-timeout=60s", f"--file={tmp_path / 'dump.sql'}"]
        began = time.monotonic()
        with pytest.raises(Interrupted):
            run_tool(argv, source_route, name, is_stopping=lambda: time.monotonic() - began > 1)
        assert time.monotonic() - began < 10
        while watcher.execute(waiting, [name]).rowcount:
            assert time.monotonic() - began < 10
            time.sleep(0.05)
