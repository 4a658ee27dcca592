"""Every kind keeps the contract, and together they claim all that pg_dump 18 can write."""

import pytest

from dtsrun.testing.contracts import ObjectKindContract
from dtsrun_plugins.objects import PLUGINS

PG_DUMP_18 = """
ACCESS METHOD, ACL, AGGREGATE, BLOB METADATA, BLOBS, CAST, CHECK CONSTRAINT, COLLATION, COMMENT, CONSTRAINT, CONVERSION,
DATABASE, DATABASE PROPERTIES, DEFAULT, DEFAULT ACL, DOMAIN, EVENT TRIGGER, EXTENSION, FK CONSTRAINT,
FOREIGN DATA WRAPPER, FOREIGN TABLE, FUNCTION, INDEX, INDEX ATTACH, MATERIALIZED VIEW, MATERIALIZED VIEW DATA, OPERATOR,
OPERATOR CLASS, OPERATOR FAMILY, POLICY, PROCEDURAL LANGUAGE, PROCEDURE, PUBLICATION, PUBLICATION TABLE,
PUBLICATION TABLES IN SCHEMA, ROW SECURITY, RULE, SCHEMA, SECURITY LABEL, SEQUENCE, SEQUENCE OWNED BY, SEQUENCE SET,
SERVER, SHELL TYPE, STATISTICS, STATISTICS DATA, SUBSCRIPTION, SUBSCRIPTION TABLE, TABLE, TABLE ATTACH, TABLE DATA,
TEXT SEARCH CONFIGURATION, TEXT SEARCH DICTIONARY, TEXT SEARCH PARSER, TEXT SEARCH TEMPLATE, TRANSFORM, TRIGGER, TYPE,
USER MAPPING, VIEW
"""
TYPES = {" ".join(name.split()) for name in PG_DUMP_18.split(",")}

for _kind in PLUGINS:
    globals()[f"Test{_kind.__name__}"] = type(f"Test{_kind.__name__}", (ObjectKindContract,), {"plugin": _kind})


def test_all_entry_types_are_claimed() -> None:
    claimed = {name for kind in PLUGINS for name in kind.entry_types}
    assert TYPES - claimed == set()


def test_no_entry_type_is_claimed_twice() -> None:
    claimed = [name for kind in PLUGINS for name in kind.entry_types]
    assert len(claimed) == len(set(claimed))


@pytest.mark.parametrize("selector", sorted({kind.selector for kind in PLUGINS if kind.selector}))
def test_a_selector_leads_to_one_kind(selector: str) -> None:
    assert len([kind for kind in PLUGINS if kind.selector == selector]) == 1
