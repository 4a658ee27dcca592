"""What an older target has no word for is left out and named; all else stays as it is."""

import pytest

from dtsrun.api import Entry, Section
from dtsrun.older_target import for_target


def entry(kind: str) -> Entry:
    return Entry(
        id=1,
        type=kind,
        schema="app",
        name="x",
        owner="o",
        sql="",
        drop_sql="",
        catalog=0,
        oid=0,
        tablespace=None,
        access_method=None,
        relkind=None,
        section=Section.PRE_DATA,
        depends_on=(),
        kind="object.grants",
    )


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("GRANT SELECT,MAINTAIN,INSERT ON TABLE app.items TO bob;", "GRANT SELECT,INSERT ON TABLE app.items TO bob;"),
        ("GRANT ALL ON TABLE app.items TO bob;", "GRANT ALL ON TABLE app.items TO bob;"),
        (
            'ALTER DEFAULT PRIVILEGES FOR ROLE "a ""b" IN SCHEMA app GRANT SELECT,MAINTAIN ON TABLES TO bob;',
            'ALTER DEFAULT PRIVILEGES FOR ROLE "a ""b" IN SCHEMA app GRANT SELECT ON TABLES TO bob;',
        ),
        ('GRANT SELECT ON TABLE app."x,MAINTAIN ON" TO bob;', 'GRANT SELECT ON TABLE app."x,MAINTAIN ON" TO bob;'),
    ],
)
def test_maintain_alone_is_left_out_of_a_list(statement: str, expected: str) -> None:
    made, lost = for_target(entry("ACL"), [statement], 16)
    assert made == [expected]
    assert bool(lost) == (expected != statement)
    assert for_target(entry("ACL"), [statement], 17) == ([statement], [])


def test_a_grant_of_maintain_alone_is_no_statement_any_more() -> None:
    made, lost = for_target(entry("ACL"), ["GRANT MAINTAIN ON TABLE app.items TO bob;"], 15)
    assert made == []
    assert lost == ["is without the privilege MAINTAIN, which came with version 17"]


def test_a_range_is_made_without_its_multirange() -> None:
    begin, end = "CREATE TYPE app.span AS RANGE (\n    subtype = float8", ",\n    x = y\n);"
    made, _ = for_target(entry("TYPE"), [f'{begin},\n    multirange_type_name = app."my, ""m"{end}'], 13)
    assert made == [begin + end]
