"""Positions in the log are numbers, and back."""

import pytest

from dtsrun.api import Route
from dtsrun.postgres.lsn import format_lsn, parse_lsn
from dtsrun.postgres.session import connect


@pytest.mark.parametrize(
    ("text", "number"), [("0/0", 0), ("0/16B3748", 23803720), ("1/0", 2**32), ("FFFFFFFF/FFFFFFFF", 2**64 - 1)]
)
def test_both_ways(text: str, number: int) -> None:
    assert (parse_lsn(text), format_lsn(number)) == (number, text)


@pytest.mark.parametrize("text", ["", "12", "x/y", "/"])
def test_what_is_no_position_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_lsn(text)


def test_a_servers_own_position(source_route: Route) -> None:
    with connect(source_route) as connection:
        row = connection.execute(
            "select l::text as lsn, l - '0/0'::pg_lsn as bytes from pg_current_wal_insert_lsn() l"
        ).fetchone()
    assert parse_lsn(row.lsn) == int(row.bytes)
