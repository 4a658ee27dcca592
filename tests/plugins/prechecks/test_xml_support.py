"""The target can hold XML, if there are columns of it."""

import psycopg
import pytest

from dtsrun.postgres.session import connect
from dtsrun.testing.cases import load_cases
from dtsrun.testing.contracts import PrecheckContract
from dtsrun.testing.fakes import FakeCheckContext
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


def test_the_target_is_believed(source_route, target_route, shop):
    # How a server was built depends on where it comes from; those of the `embedded` extra lack XML.
    findings = found(source_route, target_route, shop)
    assert [f.subject for f in findings] == ([] if reads_xml(target_route) else [f"{shop}.public.t"])
    assert all("has columns of it: x, y" in finding.message for finding in findings)


def test_a_server_with_libxml_passes(source_route, postgres_server, shop):
    target = postgres_server(17)
    assert found(source_route, target, shop) == []
