"""Roles and settings that change on the source are told, without a password, and roles can be set again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from replicated import MakeReplicated, Replicated

from dtsrun.api import Route
from dtsrun.inventory.facts import read_memberships, read_roles
from dtsrun.watch.databases import compare_databases, read_databases
from dtsrun.watch.drift import Action, Drift
from dtsrun.watch.repairs import repair
from dtsrun.watch.roles import RoleState, compare_roles, read_role_state


class Roles:
    """Names of roles of this test's own, dropped after it."""

    def __init__(self, pair: Replicated) -> None:
        self.pair = pair
        self.app, self.staff = (f"{word}_{pair.names[0]}" for word in ("app", "staff"))

    def drop(self) -> None:
        for connection in (self.pair.source, self.pair.target):
            connection.execute(f"drop role if exists {self.app}; drop role if exists {self.staff}")

    def drifts(self, before: RoleState) -> list[Drift]:
        found = compare_roles(before, read_role_state(self.pair.source), [self.app, self.staff])
        return [drift for drift in found if drift.kind == "role"]

    def mend(self, drifts: list[Drift]) -> None:
        for drift in drifts:
            repair(drift, self.pair.source, self.pair.target)

    def ends(self, name: str) -> list[object]:
        found: list[object] = []
        for connection in (self.pair.source, self.pair.target):
            [role] = [r for r in read_roles(connection) if r.name == name]
            members = {(m.role, m.admin) for m in read_memberships(connection) if m.member == name}
            config = connection.execute("select rolconfig from pg_roles where rolname = %s", [name]).fetchone()
            found.append(
                (role.can_login, role.connection_limit, role.password_hash, role.create_db, members, config[0])
            )
        return found


@pytest.fixture
def roles(pair: Replicated) -> Iterator[Roles]:
    made = Roles(pair)
    yield made
    made.drop()


def test_a_new_role_is_told_and_set(pair: Replicated, roles: Roles) -> None:
    before = read_role_state(pair.source)
    pair.source.execute(f"create role {roles.app} login password 'hush' connection limit 5")
    [drift] = roles.drifts(before)
    assert (drift.object, drift.repair and drift.repair.action) == (f"role {roles.app}", Action.SET_ROLE)
    roles.mend([drift])
    ours, theirs = roles.ends(roles.app)
    assert ours == theirs


def test_what_went_on_the_source_goes_and_what_the_target_alone_has_stays(pair: Replicated, roles: Roles) -> None:
    pair.on_both(
        f"create role {roles.staff}",
        f"create role {roles.app} in role {roles.staff}",
        f"alter role {roles.app} set work_mem = '9MB'; alter role {roles.app} set search_path = 'a'",
    )
    pair.target.execute(f"grant pg_monitor to {roles.app}; alter role {roles.app} set lock_timeout = '1s'")
    before = read_role_state(pair.source)
    pair.source.execute(f"revoke {roles.staff} from {roles.app}; alter role {roles.app} reset work_mem")
    [drift] = roles.drifts(before)
    assert f"role {roles.app} is no longer a member of {roles.staff}, has other settings" in drift.message
    roles.mend([Drift.from_data(json.loads(json.dumps(drift.as_data())))])
    _, theirs = roles.ends(roles.app)
    assert theirs[4:] == ({("pg_monitor", False)}, ["search_path=a", "lock_timeout=1s"])


def test_what_was_given_again_meanwhile_stays(pair: Replicated, roles: Roles) -> None:
    pair.on_both(f"create role {roles.staff}", f"create role {roles.app} in role {roles.staff}")
    before = read_role_state(pair.source)
    pair.source.execute(f"revoke {roles.staff} from {roles.app}")
    [drift] = roles.drifts(before)
    pair.source.execute(f"grant {roles.staff} to {roles.app}")
    roles.mend([drift])
    ours, theirs = roles.ends(roles.app)
    assert ours == theirs


def test_a_setting_in_one_database_goes_to_its_counterpart(pair: Replicated, roles: Roles) -> None:
    pair.on_both(f"create role {roles.app}")
    before = read_role_state(pair.source)
    ours, theirs = pair.names
    pair.source.execute(f"alter role {roles.app} in database {ours} set work_mem = '9MB'")
    [drift] = roles.drifts(before)
    repair(drift, pair.source, pair.target, {ours: theirs}.__getitem__)
    query = (
        "select s.setconfig from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase"
        " where d.datname = %s and s.setrole = %s::regrole"
    )
    assert pair.target.execute(query, [theirs, roles.app]).fetchone().setconfig == ["work_mem=9MB"]


def test_each_aspect_is_named_and_no_password_is(pair: Replicated, roles: Roles) -> None:
    pair.on_both(f"create role {roles.staff}", f"create role {roles.app} login password 'one'")
    before = read_role_state(pair.source)
    pair.source.execute(f"alter role {roles.app} password 'two' createdb nologin valid until '2031-01-01'")
    pair.source.execute(f"grant {roles.staff} to {roles.app} with admin option")
    pair.source.execute(f"alter role {roles.app} set work_mem = '9MB'; alter role {roles.app} connection limit 7")
    [drift] = roles.drifts(before)
    for word in ("password", "create db", "can login", "valid until", "member of", "settings", "connection limit"):
        assert word in drift.message
    hashes = [role.password_hash for role in read_roles(pair.source) if role.name == roles.app]
    assert hashes[0] and hashes[0] not in json.dumps(drift.as_data())
    roles.mend([drift])
    ours, theirs = roles.ends(roles.app)
    assert ours == theirs
    pair.source.execute(f"revoke {roles.staff} from {roles.app}; alter role {roles.app} reset work_mem")
    roles.mend(roles.drifts(read_role_state(pair.target)))
    ours, theirs = roles.ends(roles.app)
    assert ours == theirs


def test_a_dropped_role_is_left_to_people_and_others_do_not_count(pair: Replicated, roles: Roles) -> None:
    pair.source.execute(f"create role {roles.app}")
    before = read_role_state(pair.source)
    pair.source.execute(f"drop role {roles.app}")
    [drift] = roles.drifts(before)
    assert drift.repair is None
    assert drift.message.endswith(f"drop role {roles.app}")
    now = read_role_state(pair.source)
    assert [d for d in compare_roles(before, now, []) if d.kind == "role"] == []


def test_grants_on_a_database_and_its_settings_are_told_and_mended(pair: Replicated) -> None:
    ours, theirs = pair.names
    pair.source.execute(f"alter database {ours} set lock_timeout = '1s'")
    pair.target.execute(f"alter database {theirs} set lock_timeout = '1s'")
    before = read_databases(pair.source)
    pair.source.execute(f"revoke connect on database {ours} from public; grant create on database {ours} to pg_monitor")
    pair.source.execute(f"alter database {ours} set work_mem = '9MB'; alter database {ours} reset lock_timeout")
    pair.source.execute(f"alter database {ours} set default_transaction_read_only = off")  # as a fence does
    [drift] = compare_databases(before, json.loads(json.dumps(read_databases(pair.source))), [ours], {ours: theirs}.get)
    assert drift.message == (
        f"database {ours}: connect was revoked from public; create was granted to pg_monitor; setting lock_timeout was"
        " reset; setting work_mem is 9MB on the source"
    )
    repair(drift, pair.source, pair.target)
    assert read_databases(pair.target)[theirs] == read_databases(pair.source)[ours]


def test_a_new_database_is_told(pair: Replicated) -> None:
    before = read_databases(pair.source)
    here = before.pop(pair.names[0])
    [drift] = compare_databases(before, {**before, pair.names[0]: here}, None, str)
    assert (drift.repair, drift.message) == (
        None,
        f"database {pair.names[0]}: is new on the source, and is not moved by this task: it takes one of its own",
    )


@pytest.mark.matrix
@pytest.mark.parametrize("version", range(10, 18))
def test_every_version_is_read_and_set(
    version: int, postgres_server: Callable[[int], Route], make_replicated: MakeReplicated
) -> None:
    pair = make_replicated(postgres_server(version), postgres_server(18))
    made = Roles(pair)
    try:
        pair.on_both(f"create role {made.staff}")
        before = read_role_state(pair.source)
        pair.source.execute(f"create role {made.app} login; grant {made.staff} to {made.app}")
        drifts = made.drifts(before)
        assert len(drifts) == 1
        made.mend(drifts)
        assert made.ends(made.app)[0] == made.ends(made.app)[1]
        states = read_databases(pair.source)
        pair.source.execute(f"alter database {pair.names[0]} set work_mem = '9MB'")
        [drift] = compare_databases(states, read_databases(pair.source), [pair.names[0]], str)
        assert "setting work_mem is 9MB" in drift.message
    finally:
        made.drop()
