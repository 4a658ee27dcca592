"""The target can hold XML, if there are columns of it."""

import psycopg
import pytest

from dtsrun.postgres.session import connect
from dtsrun.testing.cases import load_cases
from dtsrun.testing.contracts import PrecheckContract
from dtsrun.testing.fakes import FakeCheckContext
from dtsrun_plugins.prechecks import xml_support
from dtsrun_plugins.prechecks.xml_support import XmlSupport


class TestXmlSupport(PrecheckContract):
    plugin = XmlSupport


@pytest.mark.parametrize("case", load_cases("xml_support.yaml", near=__file__), ids=str)
def test_cases(case, run_case):
    run_case(XmlSupport, case)


@pytest.fixture
def shop(source_route, fresh_database):
    name = fresh_database(source_route)
    with connect(source_route, name) as connection:
        connection.execute("create table public.t (id int, x xml, y xml[])")
    return name


def found(source, target, shop):
    with FakeCheckContext(source=source, target=target, databases=[shop]) as context:
        return list(XmlSupport().check(context))


def reads_xml(route):
    with connect(route) as connection:
        try:
            connection.execute("select '<a/>'::xml")
        except psycopg.errors.FeatureNotSupported:
            return False
        return True


def test_both_ends_are_believed(postgres_server, target_route, fresh_database):
    # How a server was built depends on where it comes from; those of the `embedded` extra lack XML.
    source = postgres_server(15)
    name = fresh_database(source)
    with connect(source, name) as connection:
        connection.execute("create table public.t (x xml)")
    is_lost = reads_xml(source) and not reads_xml(target_route)
    findings = found(source, target_route, name)
    assert [f.subject for f in findings] == ([f"{name}.public.t"] if is_lost else [])


def test_a_target_without_libxml_is_named(source_route, target_route, shop, monkeypatch):
    # What two servers of one machine seldom show: one that was built with XML, and one without.
    answers = iter([True, False])
    monkeypatch.setattr(xml_support, "_reads_xml", lambda connection: next(answers))
    (finding,) = found(source_route, target_route, shop)
    assert finding.subject == f"{shop}.public.t"
    assert finding.message.endswith("has columns of it: x, y")


def test_a_source_without_libxml_has_no_values(source_route, target_route, shop, monkeypatch):
    monkeypatch.setattr(xml_support, "_reads_xml", lambda connection: False)
    assert found(source_route, target_route, shop) == []
