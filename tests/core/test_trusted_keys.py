"""A foreign key is taken on trust only where nothing can make it untrue, and never so that tables wait in a circle."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from dtsrun.api import Column, Database, Entry, MigrationType, PlanContext, Relation, Section
from dtsrun.trusted_keys import trusted_keys

MB = 2**20
INT8, TEXT = 20, 25
NAMES = ("id", "ref")
CUSTOMER, LINE = 1, 2
FOREIGN = "ALTER TABLE ONLY public.line ADD CONSTRAINT f FOREIGN KEY (ref) REFERENCES public.customer(id){};"


def table(oid: int, name: str, *, type_oid: int = INT8, size: int = 100 * MB, **facts: Any) -> Relation:
    columns = tuple(
        Column(name=n, type="t", type_oid=type_oid, not_null=True, generated="", identity="") for n in NAMES
    )
    usual: dict[str, Any] = {
        "relkind": "r",
        "persistence": "p",
        "pages": 1,
        "estimated_rows": 1.0,
    }
    return Relation(
        oid=oid, schema="public", name=name, owner="me", bytes=size, columns=columns, key=("id",), **{**usual, **facts}
    )


def entry(number: int, kind: str, name: str, oid: int, needs: tuple[int, ...] = (), text: str = "") -> Entry:
    return Entry(
        id=number, type=kind, schema="public", name=name, owner="me", sql=text, drop_sql="", catalog=1259, oid=oid,
        tablespace=None, access_method=None, relkind=None, section=Section.POST_DATA, depends_on=needs, kind="object.x",
    )  # fmt: skip


def shop(customer: Relation, line: Relation, more: str = "", rows: dict[int, str | None] | None = None) -> Database:
    """Return a database where line.ref refers to customer.id, by entry 20."""
    entries = (
        entry(1, "TABLE", "customer", CUSTOMER),
        entry(2, "TABLE", "line", LINE),
        entry(10, "CONSTRAINT", "customer customer_pkey", 901, (1,)),
        entry(11, "CONSTRAINT", "line line_pkey", 902, (2,)),
        entry(20, "FK CONSTRAINT", "line f", 903, (2, 10), FOREIGN.format(more)),
    )
    return Database(
        name="shop", target="shop", owner="me", encoding="UTF8", is_template=False, bytes=0,
        entries={each.id: each for each in entries}, relations={CUSTOMER: customer, LINE: line}, rows=rows or {},
    )  # fmt: skip


def asked(
    *,
    said: str = "trusted",
    migration_type: MigrationType = MigrationType.FULL,
    superuser: bool = True,
    on_conflict: str = "fail",
) -> PlanContext:
    spec = SimpleNamespace(
        stages={"indexes": {"foreign_keys": said}}, migration_type=migration_type, on_conflict=on_conflict
    )
    return cast(PlanContext, SimpleNamespace(spec=spec, target=SimpleNamespace(is_superuser=superuser)))


CUSTOMERS, LINES = table(CUSTOMER, "customer"), table(LINE, "line")


def test_a_valid_key_between_plain_tables_is_taken_on_trust() -> None:
    (key,) = trusted_keys(shop(CUSTOMERS, LINES, " ON DELETE CASCADE DEFERRABLE"), asked()).values()
    assert (key.entry, key.table, key.referred, key.index) == (20, LINE, CUSTOMER, 10)


@pytest.mark.parametrize(
    "database",
    [
        shop(CUSTOMERS, LINES, " NOT VALID"),
        shop(CUSTOMERS, LINES, " NOT ENFORCED"),
        shop(CUSTOMERS, LINES, rows={CUSTOMER: "id < 10"}),
        shop(replace(CUSTOMERS, is_partition=True), LINES),
        shop(replace(CUSTOMERS, persistence="u"), LINES),
        shop(CUSTOMERS, replace(LINES, parents=(CUSTOMER,))),
        shop(CUSTOMERS, replace(LINES, extension="x")),
        shop(CUSTOMERS, table(LINE, "line", type_oid=TEXT)),
        shop(CUSTOMERS, table(LINE, "line", size=MB)),
    ],
)
def test_others_are_checked(database: Database) -> None:
    assert trusted_keys(database, asked()) == {}


@pytest.mark.parametrize(
    "context",
    [
        asked(said="checked"),
        asked(migration_type=MigrationType.FULL_INCREMENTAL),
        asked(superuser=False),
        asked(on_conflict="skip"),
    ],
)
def test_nobody_is_trusted_unasked_or_where_it_cannot_be(context: PlanContext) -> None:
    assert trusted_keys(shop(CUSTOMERS, LINES), context) == {}


def test_of_keys_in_a_circle_one_is_checked() -> None:
    plain = shop(CUSTOMERS, LINES)
    back = "ALTER TABLE ONLY public.customer ADD CONSTRAINT b FOREIGN KEY (ref) REFERENCES public.line(id);"
    circle = replace(plain, entries={**plain.entries, 21: entry(21, "FK CONSTRAINT", "customer b", 904, (1, 11), back)})
    assert list(trusted_keys(circle, asked())) == [20]
