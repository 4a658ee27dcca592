"""Followed tables that exchanged their names: `a` is `b` by now, and `b` is `a`.

Changes find their table on the target by name, whichever engine applies them. So from the exchange on, until the target
knows of it, rows of each may have gone to the other, and both are copied anew.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Final

from psycopg import sql

from dtsrun.watch.fingerprint import Address, Fingerprint

_CLASS: Final = 1259

Name = tuple[str | None, str | None]


def exchanged_names(before: Fingerprint, now: Fingerprint, followed: Collection[int]) -> dict[Address, tuple[str, ...]]:
    """Return the tables that took each other's names, each with the statements that say so on the target.

    Those of a whole cycle stand with its first table: none can be renamed alone.
    """
    owners = {
        _name(before, address): address
        for address in before.names
        if address.catalog == _CLASS and address.oid in followed and address in now.names
    }
    found: dict[Address, tuple[str, ...]] = {}
    for address in sorted(owners.values()):
        cycle = [] if address in found else _cycle(address, owners, now)
        if len(cycle) > 1:
            found |= dict.fromkeys(cycle, ())
            found[address] = tuple(_renaming(cycle, before, now))
    return found


def _cycle(first: Address, owners: dict[Name, Address], now: Fingerprint) -> Sequence[Address]:
    """Return tables, each of which has the name that the next one had, the last that of the first; empty if none."""
    cycle = [first]
    while (other := owners.get(_name(now, cycle[-1]))) is not None and other not in cycle:
        cycle.append(other)
    return cycle if other == first else []


def _renaming(cycle: Sequence[Address], before: Fingerprint, now: Fingerprint) -> Iterator[str]:
    for address in cycle:
        schema, name = _name(before, address)
        yield _alter(schema, name, sql.SQL("rename to {}").format(_id(_meanwhile(address))))
    for address in cycle:
        (old, _), (schema, name) = _name(before, address), _name(now, address)
        if old != schema:
            yield _alter(old, _meanwhile(address), sql.SQL("set schema {}").format(_id(schema)))
        yield _alter(schema, _meanwhile(address), sql.SQL("rename to {}").format(_id(name)))


def _alter(schema: str | None, name: str | None, what: sql.Composable) -> str:
    return sql.SQL("alter table {} {}").format(sql.Identifier(schema or "", name or ""), what).as_string()


def _meanwhile(address: Address) -> str:
    return f"dtsrun_{address.oid}"


def _id(name: str | None) -> sql.Identifier:
    return sql.Identifier(name or "")


def _name(state: Fingerprint, address: Address) -> Name:
    named = state.names[address]
    return named.schema, named.name
