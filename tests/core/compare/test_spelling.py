"""A rule takes away what one release made, between ends on either side of it, and nothing else."""

from __future__ import annotations

import pytest

from dtsrun.api import Entry, Section
from dtsrun.compare.grants import default, effective, without_maintain
from dtsrun.compare.spelling import Versions, canonical, same
from dtsrun.compare.tokens import split, tokens


def entry(kind, text, name="x", owner="joe", schema="public"):
    return Entry(
        id=1,
        type=kind,
        schema=schema,
        name=name,
        owner=owner,
        sql=text,
        drop_sql="",
        catalog=0,
        oid=0,
        tablespace=None,
        access_method=None,
        relkind=None,
        section=Section.PRE_DATA,
        depends_on=(),
        kind="object.x",
    )


def are_same(kind, source, target, versions=(10, 18)):
    pair = Versions(*versions)
    one, other = entry(kind, source), entry(kind, target)
    return same(canonical(one, pair), canonical(other, pair), one, pair)


def test_layout_and_comments_do_not_count_and_literals_do():
    assert tokens("select  'a  b' -- no\n from\tt") == ("select", "'a  b'", "from", "t")
    assert tokens("""e'\\'' b'1' U&"x" "a""b" $x$ '$$ $x$ 1.5e-3 a::text <-> b""") == (
        "e'\\''",
        "b'1'",
        'U&"x"',
        '"a""b"',
        "$x$ '$$ $x$",
        "1.5e-3",
        "a",
        "::",
        "text",
        "<->",
        "b",
    )


def test_splitting_minds_parentheses():
    assert list(split(tokens("a (b; c); d;"), ";")) == [("a", "(", "b", ";", "c", ")"), ("d",)]


@pytest.mark.parametrize(
    ("kind", "source", "target"),
    [
        ("TRIGGER", "create trigger t EXECUTE PROCEDURE f()", "create trigger t EXECUTE FUNCTION f()"),
        ("VIEW", "SELECT t.a, sum(t.b) FROM t WHERE (t.a > 1)", "SELECT a, sum(b) FROM t WHERE (a > 1)"),
        ("VIEW", "SELECT t.t, (t.c).d, t.* FROM t", "SELECT t, (c).d, t.* FROM t"),
        (
            "VIEW",
            "SELECT t.a, (SELECT u.a FROM u WHERE u.b = t.b) FROM t",
            "SELECT a, (SELECT u.a FROM u WHERE u.b = t.b) FROM t",
        ),
        (
            "FUNCTION",
            "BEGIN ATOMIC SELECT t.a FROM t; SELECT u.a FROM u; END",
            "BEGIN ATOMIC SELECT a FROM t; SELECT a FROM u; END",
        ),
        ("FUNCTION", "COST 1.00000001e-07", "COST 1e-07"),
        ("PROCEDURE", "CREATE PROCEDURE p(a int, OUT b int)", "CREATE PROCEDURE p(IN a int, OUT b int)"),
        ("TYPE", "AS RANGE ( subtype = int )", "AS RANGE ( subtype = int, multirange_type_name = public.m )"),
        ("TYPE", "AS RANGE ( subtype = int, x = y )", "AS RANGE ( subtype = int, multirange_type_name = m, x = y )"),
        ("TABLE", "(a bit DEFAULT B'1'::\"bit\")", "(a bit DEFAULT '1'::\"bit\")"),
        ("TABLE", "(a varbit DEFAULT B'1'::bit varying)", "(a varbit DEFAULT ('1'::\"bit\")::bit varying)"),
        ("TABLE", "(a int NOT NULL)", "(a int CONSTRAINT t_a_not_null NOT NULL)"),
        ("VIEW", "SELECT a.json_table, a.b FROM a", 'SELECT "json_table", b FROM a'),
        ("COLLATION", "(provider = icu, locale = '')", "(provider = icu, locale = 'und')"),
        ("VIEW", "SELECT XMLSERIALIZE(CONTENT x AS text)", "SELECT XMLSERIALIZE(CONTENT x AS text NO INDENT)"),
    ],
)
def test_the_same_in_other_words(kind, source, target):
    assert are_same(kind, source, target)
    assert are_same(kind, target, source, versions=(18, 10))
    assert not are_same(kind, source, target, versions=(18, 18))


@pytest.mark.parametrize(
    ("kind", "source", "target"),
    [
        ("VIEW", "SELECT t.a FROM t", "SELECT b FROM t"),
        ("VIEW", "SELECT t.a FROM t", "SELECT a FROM u"),
        ("VIEW", "SELECT t.a, u.b FROM t, u", "SELECT a, b FROM t, u"),
        ("VIEW", "SELECT t.a FROM t, u", "SELECT u.a FROM t, u"),
        ("VIEW", "SELECT a FROM t", "SELECT t.a FROM t"),
        ("VIEW", "SELECT t.a FROM t", "SELECT a FROM t LIMIT 1"),
        ("VIEW", "SELECT t.a FROM t LIMIT 1", "SELECT a FROM t"),
        ("VIEW", "SELECT t.a FROM t", "SELECT 't.a' FROM t"),
        ("TABLE", "(a int DEFAULT t.f())", "(a int DEFAULT f())"),
        ("FUNCTION", "AS $$ t.a $$", "AS $$ a $$"),
        ("FUNCTION", "AS $$ a  b $$", "AS $$ a b $$"),
        ("FUNCTION", "COST 1", "COST 2"),
        ("TABLE", "(a int NOT NULL)", "(a int)"),
        ("TABLE", "(a int CONSTRAINT c CHECK (a > 1))", "(a int CONSTRAINT d CHECK (a > 1))"),
        ("TABLE", '(a "char")', "(a char)"),
        ("TABLE", "(a bit DEFAULT B'1'::\"bit\")", "(a bit DEFAULT '0'::\"bit\")"),
        ("PROCEDURE", "CREATE PROCEDURE p(a int)", "CREATE PROCEDURE p(INOUT a int)"),
        ("TYPE", "AS RANGE ( subtype = int )", "AS RANGE ( subtype = bigint, multirange_type_name = m )"),
        ("TRIGGER", "EXECUTE PROCEDURE f('a')", "EXECUTE FUNCTION f('A')"),
        ("VIEW", 'SELECT "A" FROM t', "SELECT a FROM t"),
        ("COMMENT", "COMMENT ON TABLE t IS 'a  b'", "COMMENT ON TABLE t IS 'a b'"),
    ],
)
def test_a_difference_stays_one(kind, source, target):
    assert not are_same(kind, source, target)


def test_a_subscription_arrives_without_its_slot():
    source = (
        "CREATE SUBSCRIPTION s CONNECTION 'h' PUBLICATION p WITH (connect = false, slot_name = 's', origin = none);"
    )
    assert are_same("SUBSCRIPTION", source, source.replace("'s'", "NONE"), versions=(18, 18))
    assert not are_same("SUBSCRIPTION", source, source.replace("'h'", "'i'"), versions=(18, 18))


def test_the_settings_of_a_database_have_no_order():
    first, second = "ALTER DATABASE d SET a TO '1';\n", "ALTER DATABASE d SET b TO '2';\n"
    assert are_same("DATABASE PROPERTIES", first + second, second + first, versions=(18, 18))
    assert not are_same("DATABASE PROPERTIES", first + second, first, versions=(18, 18))


def grants(text, name="TABLE x", **fields):
    return effective(entry("ACL", text, name=name, **fields))


def test_grants_are_played_through():
    shorter = grants("REVOKE DELETE ON TABLE x FROM joe; GRANT SELECT ON TABLE x TO ann WITH GRANT OPTION;")
    longer = grants(
        "REVOKE ALL ON TABLE x FROM joe;"
        "GRANT SELECT,INSERT,UPDATE,TRUNCATE,REFERENCES,TRIGGER,MAINTAIN ON TABLE x TO joe;"
        "GRANT SELECT ON TABLE x TO ann WITH GRANT OPTION;"
    )
    assert shorter == longer


def test_maintain_is_left_out_where_one_end_does_not_know_it():
    old = grants("REVOKE SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER ON TABLE x FROM joe;")
    new = grants("REVOKE ALL ON TABLE x FROM joe;")
    assert old != new
    assert without_maintain(old) == without_maintain(new)


@pytest.mark.parametrize(
    "other",
    [
        "GRANT SELECT ON TABLE x TO bob;",
        "GRANT INSERT ON TABLE x TO ann;",
        "GRANT SELECT ON TABLE x TO ann WITH GRANT OPTION;",
        "GRANT SELECT(a) ON TABLE x TO ann;",
        "SET SESSION AUTHORIZATION eve; GRANT SELECT ON TABLE x TO ann; RESET SESSION AUTHORIZATION;",
        "GRANT SELECT ON TABLE x TO ann; GRANT SELECT ON TABLE x TO PUBLIC;",
        "GRANT SELECT ON TABLE x TO ann; REVOKE ALL ON TABLE x FROM joe;",
    ],
)
def test_other_grants_lead_elsewhere(other):
    assert grants("GRANT SELECT ON TABLE x TO ann;") != grants(other)


def test_names_in_grants_are_told_by_their_meaning():
    assert grants('GRANT ALL(a) ON TABLE x TO "ann";') == grants(
        'GRANT SELECT(a),INSERT("a"),UPDATE(a),REFERENCES(a) ON TABLE x TO ann;'
    )


def test_grants_that_lead_to_the_default_say_nothing():
    function = entry(
        "ACL", "GRANT ALL ON FUNCTION f() TO PUBLIC; GRANT ALL ON FUNCTION f() TO joe;", name="FUNCTION f()"
    )
    assert effective(function) == default(function)


def test_default_privileges_in_a_schema_come_on_top():
    text = "ALTER DEFAULT PRIVILEGES FOR ROLE joe IN SCHEMA public GRANT SELECT ON TABLES TO ann;"
    inside = effective(entry("DEFAULT ACL", text, name="DEFAULT PRIVILEGES FOR TABLES"))
    assert {(grant.grantee, grant.privilege) for grant in inside} == {("ann", "SELECT")}

    everywhere = effective(entry("DEFAULT ACL", text, name="DEFAULT PRIVILEGES FOR TABLES", schema=None))
    assert ("joe", "DELETE") in {(grant.grantee, grant.privilege) for grant in everywhere}


def test_a_statement_of_an_unknown_form_is_not_guessed_at():
    assert grants("ALTER TABLE x OWNER TO ann;") is None


def test_the_grant_option_can_be_taken_back():
    given = "GRANT SELECT ON TABLE x TO ann WITH GRANT OPTION;"
    back = grants(f"{given} REVOKE GRANT OPTION FOR SELECT ON TABLE x FROM ann;")
    assert back == grants("GRANT SELECT ON TABLE x TO ann;")
    assert back != grants(given)


def test_the_roles_of_a_policy_have_no_order_but_each_counts():
    policy = "CREATE POLICY p ON s.t FOR SELECT TO {} USING ((a = 1)) WITH CHECK ((a > 0));"
    assert are_same("POLICY", policy.format("b, a"), policy.format("a, b"))
    assert not are_same("POLICY", policy.format("b, a"), policy.format("a, c"))
    assert not are_same("POLICY", policy.format("b, a"), policy.format("a"))
