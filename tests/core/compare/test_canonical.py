"""Equal values are equal, whatever the server's version, the database's encoding and the session's settings."""

from __future__ import annotations

import psycopg
import pytest

from dtsrun.compare import canonical

EVERYTHING = """
create type mood as enum ('sad', 'Happy, "too"');
create domain price as numeric(8, 3);
create domain exact as float8;
create type pair as (a float8, b text, c mood);
create type span as range (subtype = float8);
create table child (id int);
create table t (
    id int primary key, i2 smallint, i8 bigint, n numeric, f4 float4, f8 float8, f8s float8[], b bool, tx text,
    vc varchar(10), c char(6), nm name, by bytea, d date, ti time, tz timetz, ts timestamp, tsz timestamptz,
    iv interval, j json, jb jsonb, u uuid, ip inet, ci cidr, mac macaddr, bi bit(3), vb varbit, mo money, m mood,
    p price, ex exact, pr pair, sp span, ir int4range, pt point, bx box, pa path, po polygon, ck circle, li line,
    arr text[], arr2 int[][], tv tsvector, tq tsquery, rc regclass, rt regtype, o oid, x xml, l pg_lsn, ch "char");
insert into t values (
    1, -32768, 9223372036854775807, 'NaN', 1.1::float4 / 3, 0.1::float8 + 0.2, array[1 / 3::float8, 'NaN', '-0'], true,
    E'tab\\t, "quote" ''single'' \\\\ back (paren) ü', ' x ', 'ab', 'Name', '\\x00ff5c27', '4713-01-01 BC', '24:00',
    '12:00+05:30', 'infinity', '2026-01-01 00:00:00.123456+07', '1 year -3 days 00:00:00.000001',
    '{ "a" : 1.0, "a": 2 }',
    '{"b": 1.10, "a": [null, "ü"]}', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '192.168.0.1/24', '::/0',
    '08:00:2b:01:02:03', '101', '1', '-1234.56', 'Happy, "too"', 1.5, 1 / 3::float8, row(1 / 4::float8, '(,"', 'sad'),
    '[0.1,0.25)', 'empty', '(0.1,0.7)', '((0.1,0.7),(1,2))', '[(0.1,0.7),(1,2)]', '((0.1,0.7),(1,2))', '<(0.1,0.7),3>',
    '{1,0.1,2}', array['', null, 'a,b', '"', '{}'], '[0:1][2:3]={{1,2},{3,null}}', 'fat:2,4 cat:3A',
    'fat & (rat | !cat)', 'child', 'pair', 4294967295, null, '16/B374D848', 'x');
insert into t (id) values (2);
insert into t (id, tx, by, arr, c, f8, f4, bx, ex) values
    (3, '', '', '{}', '', 'infinity', '-infinity', null, '-0'),
    (4, null, null, null, null, 1e-308, 1.17549435e-38, null, 5e-324),
    (5, 'x', 'x', '{null}', 'x', 'infinity'::float8 - 'infinity'::float8, 16777217, null, 1.7976931348623157e308);
"""


@pytest.mark.matrix
@pytest.mark.parametrize("version", [10, 11, 12, 15])
def test_values_of_every_type_are_equal_to_those_of_an_old_server(version, make_pair, postgres_server, target_route):
    pair = make_pair(postgres_server(version), target_route)
    pair.on_both(EVERYTHING)

    assert pair.differences("t") == ()


def test_values_of_every_type_are_equal(pair):
    pair.on_both(EVERYTHING)

    assert pair.differences("t") == ()


def test_xml_is_compared_as_text(pair):
    try:
        pair.on_both("create table t (id int primary key, x xml)", "insert into t values (1, '<a>ü</a>')")
    except psycopg.errors.FeatureNotSupported:
        pytest.skip("the servers of this machine are built without libxml")
    assert pair.differences("t") == ()
    pair.target.execute("update t set x = '<a>u</a>'")
    assert len(pair.differences("t")) == 1


CHANGES = {
    "i8": "9223372036854775806",
    "n": "1",
    "f4": "0.3666667::float4",
    "f8": "0.3::float8",
    "f8s": "array[1 / 3::float8, 'NaN', '0']",
    "c": "'ac'",
    "by": r"'\x00ff5c28'",
    "tsz": "'2026-01-01 00:00:00.123457+07'",
    "j": """'{ "a" : 1.00, "a": 2 }'""",
    "jb": """'{"b": 1.1, "a": [null, "ü"]}'""",
    "mo": "'-1234.57'",
    "ex": "0.33333333333333337",
    "pr": "row(0.26, '(,\"', 'sad')",
    "sp": "'[0.1,0.25]'",
    "pt": "'(0.10000000000000002,0.7)'",
    "arr": "array['', '', 'a,b', '\"', '{}']",
    "rc": "'pg_class'",
    "ch": "'y'",
}


def hash_otherwise(connection, monkeypatch):
    """Let a server's hashes be those of another order of bytes."""
    monkeypatch.setitem(canonical._sample_hashes, connection, "others")


@pytest.mark.parametrize(("version", "digest"), [(10, "md5"), (11, "hash"), (16, "hash"), (16, "md5")])
def test_the_smallest_change_of_a_value_is_found(
    version, digest, make_pair, postgres_server, target_route, monkeypatch
):
    pair = make_pair(postgres_server(version), target_route)
    pair.on_both(EVERYTHING)
    if (version, digest) == (16, "md5"):
        hash_otherwise(pair.read_target, monkeypatch)
    assert canonical.agree(pair.read_source, pair.read_target, [], None).digest_by == digest
    for column, value in CHANGES.items():
        pair.target.execute(f"update t set {column} = {value} where id = 1")
        found = [(d.key, d.source.partition("=")[0]) for d in pair.differences("t")]
        assert found == [("(id)=(1)", column)], column
        pair.target.execute("delete from t")
        pair.target.execute(EVERYTHING[EVERYTHING.index("insert into t values") :])


def test_servers_that_hash_otherwise_hold_equal_values(pair, monkeypatch):
    pair.on_both(EVERYTHING)
    hash_otherwise(pair.read_source, monkeypatch)

    assert pair.differences("t") == ()


@pytest.mark.matrix
@pytest.mark.parametrize("version", [11, 12, 13, 14, 15, 16, 17])
def test_hashes_have_been_the_same_in_every_version(version, make_pair, postgres_server, target_route):
    pair = make_pair(postgres_server(version), target_route)

    assert canonical.agree(pair.read_source, pair.read_target, [], None).digest_by == "hash"


def test_a_nan_is_a_nan_whatever_its_bits(make_pair, postgres_server, target_route):
    pair = make_pair(postgres_server(11), target_route)
    pair.on_both("create table t (id int primary key, f float8, fs float8[])")
    pair.source.execute("insert into t select 1, nan, array[nan] from (select 'inf'::float8 - 'inf' as nan) n")
    pair.target.execute("insert into t values (1, 'NaN', '{NaN}')")

    assert pair.differences("t") == ()


def test_the_settings_of_a_database_do_not_change_values(pair):
    pair.on_both("create table t (id int primary key, m money, f float8)", "insert into t values (1, 12.5, 0.1)")
    pair.read_target.execute("set lc_monetary = 'C.UTF-8'")
    pair.read_source.execute("set lc_monetary = 'C'")

    assert pair.differences("t") == ()


ENCODED = (
    "create table t (id int primary key, tx text, j jsonb, tv tsvector, c char(5), arr text[])",
    'insert into t values (1, \'é\', \'{"é": {"zz": [1, {"ö": null}], "é": "ü"}, "zz": [], "q": {}}\','
    " 'é:1 zz:2A q', 'é', array['é', null]), (2, '', '1', '', '', '{}'), (3, null, null, null, null, null)",
)


@pytest.fixture
def two_encodings(make_pair, source_route, target_route):
    pair = make_pair(source_route, target_route, "encoding 'LATIN1' lc_collate 'C' lc_ctype 'C' template template0")
    pair.on_both(*ENCODED)
    return pair


def test_databases_of_two_encodings_hold_equal_values(two_encodings):
    assert two_encodings.differences("t") == ()


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ("tx = 'è'", "tx"),
        ('j = \'{"é": {"zz": [{"ö": null}, 1], "é": "ü"}, "zz": [], "q": {}}\'', "j"),
        ('j = \'{"é": {"zz": [1, {"ö": null}], "é": "ü"}, "zz": {}, "q": []}\'', "j"),
        ("tv = 'é:1 zz:2B q'", "tv"),
        ("arr = array['é', 'null']", "arr"),
    ],
)
def test_databases_of_two_encodings_differ_by_any_change(two_encodings, change, column):
    two_encodings.target.execute(f"update t set {change} where id = 1")

    (found,) = two_encodings.differences("t")

    assert found.source.startswith(f"{column}=")


def test_keys_outside_ascii_are_found_in_either_encoding(make_pair, source_route, target_route):
    pair = make_pair(source_route, target_route, "encoding 'LATIN1' lc_collate 'C' lc_ctype 'C' template template0")
    pair.on_both("create table t (name text primary key, v int)", "insert into t values ('José', 1), ('Zoë', 2)")
    pair.target.execute("update t set v = 3 where name = 'Zoë'")

    (found,) = pair.differences("t")

    assert (found.key, found.source, found.target) == ("(name)=(Zoë)", "v='2'", "v='3'")


def test_a_database_without_an_encoding_is_compared_by_its_bytes(make_pair, source_route, target_route):
    pair = make_pair(source_route, target_route, "encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C' template template0")
    pair.on_both("create table t (id int primary key, tx text)", "insert into t values (1, 'é'), (2, 'ü')")
    assert pair.differences("t") == ()

    pair.target.execute("update t set tx = 'è' where id = 1")
    assert [d.key for d in pair.differences("t")] == ["(id)=(1)"]


def test_bytes_that_are_not_valid_text_are_compared_and_named_by_md5(make_pair, source_route, target_route):
    pair = make_pair(source_route, target_route, "encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C' template template0")
    pair.on_both("create table t (id int primary key, tx text)", "insert into t values (1, 'a'), (2, 'b')")
    pair.source.execute(r"update t set tx = E'\xff' where id = 2")

    (found,) = pair.differences("t")

    assert found.key == "(id)=(2)"
    assert "md5 of tx: " in found.source
    assert found.target == "tx='b'"


def test_wide_tables_are_compared_column_by_column(pair):
    pair.on_both(
        "create table t (id int primary key, body text, doc jsonb, bytes bytea, arr text[], c bpchar, small int)",
        "alter table t alter body set storage external, alter bytes set storage external",
        "insert into t select n, repeat('x', 300000) || n, jsonb_build_object('n', n),"
        " convert_to(repeat('y', 99999), 'UTF8'), array['a', null, n::text], 'x  ', n from generate_series(1, 5) n",
        "insert into t (id) values (6)",
    )
    assert pair.differences("t") == ()

    pair.target.execute("update t set body = body || '.' where id = 2")
    pair.target.execute("update t set c = 'x ' where id = 3")
    pair.target.execute("update t set arr = array['a', 'null', '4'] where id = 4")
    pair.target.execute("update t set body = '' where id = 6")

    found = pair.differences("t")

    assert [(d.key, d.source.partition("=")[0]) for d in found] == [
        ("(id)=(2)", "body"),
        ("(id)=(3)", "c"),
        ("(id)=(4)", "arr"),
        ("(id)=(6)", "body"),
    ]
