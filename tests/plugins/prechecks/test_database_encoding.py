"""A database that exists on the target can hold the texts of the source."""

import pytest

from dtsrun.api import Severity
from dtsrun.testing.contracts import PrecheckContract
from dtsrun.testing.fakes import FakeCheckContext
from dtsrun_plugins.prechecks.database_encoding import DatabaseEncoding


class TestDatabaseEncoding(PrecheckContract):
    plugin = DatabaseEncoding


def found(source, target, database, **known):
    with FakeCheckContext(source=source, target=target, databases=[database], **known) as context:
        return list(DatabaseEncoding().check(context))


@pytest.mark.parametrize(
    ("ours", "theirs", "severity"),
    [
        ("UTF8", None, None),
        ("LATIN1", "UTF8", None),
        ("UTF8", "LATIN1", Severity.FAIL),
        ("SQL_ASCII", "UTF8", Severity.ALARM),
        ("SQL_ASCII", "SQL_ASCII", None),
    ],
)
def test_pairs_of_encodings(source_route, target_route, fresh_database, ours, theirs, severity):
    options = "template template0 locale 'C' encoding '{}'"
    shop = fresh_database(source_route, options=options.format(ours))
    if theirs:
        fresh_database(target_route, name=shop, options=options.format(theirs))
    findings = found(source_route, target_route, shop)
    assert [finding.severity for finding in findings] == ([severity] if severity else [])
    if severity:
        assert findings[0].message == f"database {shop} has encoding {theirs} on the target, and {ours} on the source"
        assert findings[0].fix.sql == (f'DROP DATABASE "{shop}"',)
