"""What changed on the source since an epoch began, and what mends it on the target. Plain data, JSON all through."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, Final

from psycopg import sql

from dtsrun.watch.exchanged import exchanged_names
from dtsrun.watch.fingerprint import Address, ColumnText, Fingerprint, Named, TableFacts
from dtsrun.watch.grants import DEFAULT_ACL, changed_grants, granted_by_default


class Action(StrEnum):
    """How a drift is mended."""

    APPLY_SQL = "apply_sql"
    """Statements on one side; `sql` may be empty until the source was dumped again."""
    COPY_TABLE = "copy_table"
    """The table is copied anew in a new epoch, after `sql` has run on the target."""
    FOLLOW_TABLE = "follow_table"
    """The table is made on the target, copied in a new epoch, and followed."""
    COPY_LARGE_OBJECT = "copy_large_object"
    SET_ROLE = "set_role"


DROPPED: Final = "was dropped on the source"
EXCHANGED: Final = "exchanged its name with another table that is followed: rows of each may have gone to the other"

NEEDS_EPOCH: Final = frozenset({Action.COPY_TABLE, Action.FOLLOW_TABLE})
"""What the engine does with its own machinery; all else is in `dtsrun.watch.repairs`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Repair:
    """What mends a drift."""

    action: Action
    object: str
    """For people: `table public.orders`, `large object 16501`, `role app`."""
    sql: tuple[str, ...] = ()
    """Never holds a password."""
    side: str = "target"
    catalog: int = 0
    oid: int = 0
    """Of the object on the source (a large object's own OID)."""
    revoked: tuple[str, ...] = ()
    """Of a role: roles that it is no longer a member of. What the target alone has stays."""
    reset: tuple[tuple[str | None, str], ...] = ()
    """Of a role: settings that it no longer has, each with its database (source name), or with None."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Drift:
    """One thing that is otherwise on the source than it was."""

    kind: str
    """`database`, `ddl`, `grant`, `partition`, `new table`, `replica identity`, `publication`, `large object`,
    `role` or `setting`."""
    database: str | None
    """Source name; None: the whole server."""
    object: str
    message: str
    repair: Repair | None = None
    """None: a human has to decide."""

    @property
    def is_drop(self) -> bool:
        """Whether the object is gone from the source, and is to go from the target."""
        return self.repair is not None and self.message == f"{self.object} {DROPPED}"

    @property
    def is_exchange(self) -> bool:
        """Whether a table has the name of another one, which has its: they are mended together."""
        return self.message == f"{self.object} {EXCHANGED}"

    def as_data(self) -> dict[str, Any]:
        """Return it as the journal keeps it."""
        return asdict(self)

    @staticmethod
    def from_data(data: Mapping[str, Any]) -> Drift:
        """Return what `as_data` gave."""
        given = dict(data)
        if repair := given.get("repair"):
            kept = {**repair, "action": Action(repair["action"]), "sql": tuple(repair["sql"])}
            kept["revoked"] = tuple(repair.get("revoked", ()))
            kept["reset"] = tuple((database, name) for database, name in repair.get("reset", ()))
            given["repair"] = Repair(**kept)
        return Drift(**given)


Wanted = Callable[[str, str | None, str], bool]
"""Whether the selection takes an object: its type as pg_identify_object says, its schema, its name."""

_CLASS: Final = 1259
_PARTS_OF_COLUMNS: Final = frozenset({"pg_attribute", "pg_attrdef"})


def compare_fingerprints(
    database: str, before: Fingerprint, now: Fingerprint, followed: Iterable[int], wanted: Wanted
) -> list[Drift]:
    """Return what changed between two states of a database.

    Args:
        followed: OIDs of the tables that links follow.
        wanted: what of new objects the selection takes.
    """
    return list(_Comparison(database, before, now, frozenset(followed), wanted).drifts())


class _Comparison:
    def __init__(
        self, database: str, before: Fingerprint, now: Fingerprint, followed: frozenset[int], wanted: Wanted
    ) -> None:
        self._database = database
        self._before, self._now = before, now
        self._followed = followed
        self._wanted = wanted
        self._exchanged = exchanged_names(before, now, self._followed)

    def drifts(self) -> Iterator[Drift]:
        addresses = sorted(self._before.marks.keys() | self._now.marks.keys())
        dropped = {a.oid for a in addresses if a.catalog == _CLASS and a not in self._now.marks}
        created = {a.oid for a in addresses if a.catalog == _CLASS and a not in self._before.marks}
        rebuilt = self._rebuilt(addresses)
        for address in addresses:
            old, new = self._before.marks.get(address), self._now.marks.get(address)
            named = self._now.names.get(address) or self._before.names.get(address)
            if old == new or named is None or named.is_members or address in rebuilt:
                continue
            if address.catalog == DEFAULT_ACL:
                continue  # is made of grants alone
            # What belongs to a table that came or went, came or went with it.
            if named.relation != address.oid and named.relation in (created if old is None else dropped):
                continue
            yield from self._drift(address, named, old, new)
        yield from self._identities()
        yield from self._grants()

    def _rebuilt(self, addresses: Iterable[Address]) -> set[Address]:
        """Return what went and came again just as it was: another type of a column makes its indexes anew."""
        gone: dict[tuple[str, str, str], Address] = {}
        found: set[Address] = set()
        for address in addresses:
            if address not in self._now.marks:
                gone[self._likeness(self._before, address)] = address
        for address in addresses:
            if address not in self._before.marks:
                twin = gone.get(self._likeness(self._now, address))
                found |= {address, twin} if twin else set()
        return found

    def _likeness(self, state: Fingerprint, address: Address) -> tuple[str, str, str]:
        named = state.names.get(address)
        if named is None:
            return "", str(address), ""
        return named.type, named.identity, named.definition or str(sorted(state.marks[address].items()))

    def _drift(
        self, address: Address, named: Named, old: Mapping[str, str] | None, new: Mapping[str, str] | None
    ) -> Iterator[Drift]:
        if old is None:
            yield from self._created(address, named)
        elif new is None:
            yield from self._dropped(address, named)
        elif address.catalog == _CLASS and self._is_followed(address.oid):
            yield from self._altered_table(address, named, old, new)
        elif self._concerns_us(named):
            yield self._of_sql(address, named, "changed", self._renaming(address, named))

    def _created(self, address: Address, named: Named) -> Iterator[Drift]:
        facts = self._now.tables.get(address.oid) if address.catalog == _CLASS else None
        if facts is not None and facts.parent and facts.is_partition:
            if self._is_under_followed(facts):
                yield self._new_table(address, named, facts, "partition")
        elif named.relation and named.relation != address.oid:
            if named.relation in self._followed or self._table_is_wanted(named.relation):
                yield self._of_sql(address, named, "is new")
        elif self._wanted(named.type, named.schema, named.plain):
            yield (
                self._new_table(address, named, facts, "new table") if facts else self._of_sql(address, named, "is new")
            )

    def _new_table(self, address: Address, named: Named, facts: TableFacts, kind: str) -> Drift:
        """A partitioned table holds no rows, and an unlogged one is copied at completion: both just have to be made."""
        has_rows = facts.relkind == "r" and facts.persistence == "p"
        of = f" of {self._table_name(facts.parent)}" if kind == "partition" else ""
        follows = "its rows are not followed" if has_rows else "the target has not got it"
        action = Action.FOLLOW_TABLE if has_rows else Action.APPLY_SQL
        label = f"{named.type} {named.identity}"
        return self._made(kind, label, f"{label} is new{of}, and {follows}", self._repair(action, address, label))

    def _dropped(self, address: Address, named: Named) -> Iterator[Drift]:
        if not self._concerns_us(named):
            return
        label = f"{named.type} {named.identity}"
        repair = replace(self._repair(Action.APPLY_SQL, address, label), sql=(dropping(named),))
        yield self._made("ddl", label, f"{label} {DROPPED}", repair)

    def _altered_table(
        self, address: Address, named: Named, old: Mapping[str, str], new: Mapping[str, str]
    ) -> Iterator[Drift]:
        parts = {part for part in old.keys() | new if old.get(part) != new.get(part)}
        label = f"{named.type} {named.identity}"
        if address in self._exchanged:
            repair = replace(self._repair(Action.COPY_TABLE, address, label), sql=self._exchanged[address])
            yield self._made("ddl", label, f"{label} {EXCHANGED}", repair)
            return
        renaming = self._renaming(address, named)
        if parts & _PARTS_OF_COLUMNS:
            yield self._altered_columns(address, label, renaming)
        elif renaming:
            yield self._of_sql(address, named, "was renamed", renaming)
        if rest := parts - _PARTS_OF_COLUMNS - ({"pg_class"} if renaming else set()):
            what = {"pg_inherits": "is attached elsewhere", "pg_description": "has another comment"}
            said = next((what[part] for part in rest if part in what), "changed its owner or options")
            yield self._of_sql(address, named, said)

    def _altered_columns(self, address: Address, label: str, renaming: tuple[str, ...]) -> Drift:
        old, new = self._before.columns.get(address.oid, ()), self._now.columns.get(address.oid, ())
        said, statements, is_exact = altered_columns(self._identifier(address.oid), old, new)
        action = Action.APPLY_SQL if is_exact else Action.COPY_TABLE
        repair = replace(self._repair(action, address, label), sql=(*renaming, *statements))
        return self._made("ddl", label, f"{label}: {'; '.join(said) or 'columns were altered'}", repair)

    def _renaming(self, address: Address, named: Named) -> tuple[str, ...]:
        """Return what gives a relation its new name or schema on the target."""
        before = self._before.names.get(address)
        if before is None or address.catalog != _CLASS or (before.schema, before.name) == (named.schema, named.name):
            return ()
        old = sql.Identifier(before.schema or "", before.name or "")
        word, statements = sql.SQL(named.type), []
        if before.schema != named.schema:
            moving = sql.SQL("alter {} {} set schema {}").format(word, old, sql.Identifier(named.schema or ""))
            statements.append(moving.as_string())
            old = sql.Identifier(named.schema or "", before.name or "")
        if before.name != named.name:
            renaming = sql.SQL("alter {} {} rename to {}").format(word, old, sql.Identifier(named.name or ""))
            statements.append(renaming.as_string())
        return tuple(statements)

    def _identities(self) -> Iterator[Drift]:
        for oid in sorted(self._followed):
            old, new = self._before.tables.get(oid), self._now.tables.get(oid)
            if old and new and (old.identity, old.identity_index) != (new.identity, new.identity_index):
                label = f"table {new.schema}.{new.name}"
                undo = self._identity_statement(new, old)
                repair = Repair(action=Action.APPLY_SQL, object=label, sql=undo, side="source", catalog=_CLASS, oid=oid)
                said = f"{label} has another replica identity: its updates and deletes may not arrive"
                yield self._made("replica identity", label, said, repair if undo else None)

    def _grants(self) -> Iterator[Drift]:
        """Yield what was granted and revoked, on objects of extensions too; new ones come with their grants."""
        before, now = self._before.grants, self._now.grants
        for address in sorted(before.keys() | now.keys()):
            named = self._now.names.get(address) or self._before.names.get(address)
            is_old = address in self._before.marks and address in self._now.marks
            if named is None or not (is_old or address.catalog == DEFAULT_ACL) or not self._concerns_us(named):
                continue
            by_default = granted_by_default(address.catalog, named.identity)
            old, new = before.get(address, by_default), now.get(address, by_default)
            if old == new:
                continue
            said, statements = changed_grants(named.type, named.identity, old, new)
            label = f"{named.type} {named.identity}"
            repair = replace(self._repair(Action.APPLY_SQL, address, label), sql=tuple(statements))
            yield self._made("grant", label, f"{label}: {'; '.join(said)} on the source", repair)

    def _identity_statement(self, table: TableFacts, wanted: TableFacts) -> tuple[str, ...]:
        words = {"d": "default", "f": "full", "n": "nothing"}
        what: sql.Composable = sql.SQL(words.get(wanted.identity, ""))
        if wanted.identity == "i":
            index = self._now.names.get(Address(_CLASS, wanted.identity_index))
            if index is None:
                return ()
            what = sql.SQL("using index {}").format(sql.Identifier(index.name or ""))
        name = sql.Identifier(table.schema, table.name)
        return (sql.SQL("alter table {} replica identity {}").format(name, what).as_string(),)

    # What concerns us, and how it is said

    def _is_followed(self, oid: int) -> bool:
        """Whether a table is followed, or was told as new, and is when that is repaired."""
        return oid in self._followed or (oid in self._before.columns and self._table_is_wanted(oid))

    def _concerns_us(self, named: Named) -> bool:
        if named.relation and self._table_is_wanted(named.relation):
            return True
        return self._wanted(named.type, named.schema, named.plain)

    def _table_is_wanted(self, oid: int) -> bool:
        named = self._now.names.get(Address(_CLASS, oid)) or self._before.names.get(Address(_CLASS, oid))
        return named is not None and self._wanted(named.type, named.schema, named.name or "")

    def _is_under_followed(self, facts: TableFacts) -> bool:
        """Whether a partition's table, or that one's, is taken or has a partition that is followed."""
        parent = facts.parent
        while parent:
            siblings = (oid for oid, each in self._before.tables.items() if each.parent == parent)
            if self._table_is_wanted(parent) or any(oid in self._followed for oid in siblings):
                return True
            above = self._now.tables.get(parent)
            parent = above.parent if above and above.is_partition else 0
        return False

    def _of_sql(self, address: Address, named: Named, said: str, statements: tuple[str, ...] = ()) -> Drift:
        label = f"{named.type} {named.identity}"
        if named.definition is not None:
            statements = _constraint(named, is_new=address not in self._before.marks)
        repair = replace(self._repair(Action.APPLY_SQL, address, label), sql=statements)
        return self._made("ddl", label, f"{label} {said} on the source", repair)

    def _repair(self, action: Action, address: Address, label: str) -> Repair:
        return Repair(action=action, object=label, catalog=address.catalog, oid=address.oid)

    def _made(self, kind: str, label: str, message: str, repair: Repair | None) -> Drift:
        return Drift(kind=kind, database=self._database, object=label, message=message, repair=repair)

    def _table_name(self, oid: int) -> str:
        facts = self._now.tables.get(oid)
        return f"{facts.schema}.{facts.name}" if facts else str(oid)

    def _identifier(self, oid: int) -> sql.Identifier:
        facts = self._now.tables[oid]
        return sql.Identifier(facts.schema, facts.name)


def altered_columns(
    table: sql.Identifier, old: Iterable[ColumnText], new: Iterable[ColumnText]
) -> tuple[list[str], list[str], bool]:
    """Return what changed in a table's columns, the ALTER TABLE statements for it, and whether these alone make the
    target's rows what the source's are.

    They do not where a type changed, or where a new column has values that no server but the source knows.
    """
    before, after = {c.number: c for c in old}, {c.number: c for c in new}
    said: list[str] = []
    clauses: list[sql.Composable] = []
    renamings: list[sql.Composable] = []
    is_exact = True
    for number, column in before.items():
        if number not in after:
            said.append(f"column {column.name} was dropped")
            clauses.append(sql.SQL("drop column {}").format(sql.Identifier(column.name)))
        elif after[number].name != column.name:
            said.append(f"column {column.name} was renamed to {after[number].name}")
            names = map(sql.Identifier, (column.name, after[number].name))
            renamings.append(sql.SQL("rename column {} to {}").format(*names))
    for number, column in after.items():
        if number not in before:
            said.append(f"column {column.name} {column.type} was added")
            clauses.append(_adding(column))
            is_exact &= (column.default_text is None and not column.special) or column.is_constant_default
        else:
            is_exact &= before[number].type == column.type
            changes = list(_changing(before[number], column))
            said.extend(text for text, _ in changes)
            clauses.extend(clause for _, clause in changes)
    statements = [sql.SQL("alter table {} {}").format(table, each).as_string() for each in [*renamings, *clauses]]
    return said, statements, is_exact


def _adding(column: ColumnText) -> sql.Composed:
    words = [sql.SQL("add column {} {}").format(sql.Identifier(column.name), sql.SQL(column.type))]
    if column.special in ("s", "v"):
        kind = "stored" if column.special == "s" else "virtual"
        words.append(sql.SQL("generated always as ({}) {}").format(sql.SQL(column.default_text or ""), sql.SQL(kind)))
    elif column.special in ("a", "d"):
        words.append(sql.SQL(f"generated {'always' if column.special == 'a' else 'by default'} as identity").format())
    elif column.default_text is not None:
        words.append(sql.SQL("default {}").format(sql.SQL(column.default_text)))
    if column.is_not_null:
        words.append(sql.SQL("not null").format())
    return sql.SQL(" ").join(words)


def _changing(old: ColumnText, new: ColumnText) -> Iterator[tuple[str, sql.Composed]]:
    name = sql.Identifier(new.name)
    if old.type != new.type:
        clause = sql.SQL("alter column {} type {} using {}::{}").format(
            name, sql.SQL(new.type), name, sql.SQL(new.type)
        )
        yield f"column {new.name} is {new.type}, and was {old.type}", clause
    if old.is_not_null != new.is_not_null:
        verb = "set" if new.is_not_null else "drop"
        said = f"column {new.name} {'refuses' if new.is_not_null else 'takes'} nulls now"
        yield said, sql.SQL("alter column {} {} not null").format(name, sql.SQL(verb))
    if old.default_text != new.default_text and not (old.special or new.special):
        if new.default_text is None:
            clause = sql.SQL("alter column {} drop default").format(name)
        else:
            clause = sql.SQL("alter column {} set default {}").format(name, sql.SQL(new.default_text))
        yield f"column {new.name} has another default", clause


def _constraint(named: Named, *, is_new: bool) -> tuple[str, ...]:
    constraint, _, owner = named.identity.partition(" on ")
    adding = f"alter {named.type.partition(' ')[0]} {owner} add constraint {constraint} {named.definition}"
    return (adding,) if is_new else (dropping(named), adding)


def dropping(named: Named) -> str:
    """Return the statement that drops an object, by its identity as pg_identify_object gives it."""
    if named.type in ("table constraint", "domain constraint"):
        constraint, _, owner = named.identity.partition(" on ")
        return f"alter {named.type.partition(' ')[0]} {owner} drop constraint if exists {constraint}"
    word = {"statistics object": "statistics", "cast": "cast"}.get(named.type, named.type)
    return f"drop {word} if exists {named.identity}"
