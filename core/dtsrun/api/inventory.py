"""What the source holds: the entries of pg_dump's table of contents, and facts from the catalogs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Section(StrEnum):
    """When an entry is restored, in pg_dump's own terms."""

    PRE_DATA = "pre-data"
    POST_DATA = "post-data"


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One entry of the dump's table of contents, about one object or a property of one."""

    id: int
    """The dump's own number; unique in a database's inventory."""
    type: str
    """pg_dump's word: `TABLE`, `FK CONSTRAINT`, `ACL`."""
    schema: str | None
    name: str
    """pg_dump's tag: `orders`, `orders orders_pkey`, `f(integer)`, `TABLE orders`."""
    owner: str | None
    sql: str
    drop_sql: str
    catalog: int
    """OID of the catalog that describes the object (pg_class = 1259), 0 if none."""
    oid: int
    tablespace: str | None
    """None: the database's default."""
    access_method: str | None
    relkind: str | None
    section: Section
    depends_on: tuple[int, ...]
    """Ids of entries that must exist before; only such as stand in the same inventory."""
    kind: str
    """The object kind that claims it: `object.tables`."""

    @property
    def label(self) -> str:
        """For people, and equal on both ends: `TABLE public.orders`."""
        return f"{self.type} {self.schema}.{self.name}" if self.schema else f"{self.type} {self.name}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """A live column, in the table's order."""

    name: str
    type: str
    """As format_type writes it, with an empty search_path."""
    type_oid: int
    not_null: bool
    generated: str
    """'' none, 's' stored, 'v' virtual."""
    identity: str
    """'' none, 'a' always, 'd' by default."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TypeFact:
    """A type that columns of tables have, or that such a type consists of."""

    oid: int
    schema: str
    name: str
    form: str
    """'a' array, else pg_type.typtype: b base, c composite, d domain, e enum, m multirange, r range."""
    parts: tuple[int, ...] = ()
    """OIDs of the types that it consists of: the elements', the domain's base, the range's subtype, the columns'."""
    extension: str | None = None
    """The extension that owns it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Relation:
    """A table, partitioned table, view, materialized view, foreign table or sequence."""

    oid: int
    schema: str
    name: str
    relkind: str
    """pg_class.relkind: r p v m f S."""
    persistence: str
    """p permanent, u unlogged."""
    owner: str
    bytes: int
    """pg_table_size: heap, TOAST and maps, without indexes."""
    pages: int
    """Of the heap, in blocks of the server's size."""
    estimated_rows: float
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    """Columns of the primary key, else of a unique index over not-null columns; empty if there is none."""
    parents: tuple[int, ...] = ()
    """OIDs of partitioned or inherited parents."""
    is_partition: bool = False
    row_security: bool = False
    populated: bool = True
    """For materialized views."""
    extension: str | None = None
    """The extension that owns it."""
    extension_condition: str | None = None
    """For an extension's configuration table: the WHERE clause of the rows that are the user's ('' = all)."""

    @property
    def qualified(self) -> str:
        """`schema.name`, unquoted, for people and for matching patterns."""
        return f"{self.schema}.{self.name}"

    @property
    def has_rows(self) -> bool:
        """Whether it holds rows of its own that a copy must move."""
        return self.relkind == "r" and (self.extension is None or self.extension_condition is not None)


@dataclass(frozen=True, kw_only=True, slots=True)
class SequenceFact:
    """A sequence whose value has to be carried."""

    oid: int
    schema: str
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LargeObjects:
    """How many large objects there are, and between which OIDs."""

    count: int = 0
    bytes: int = 0
    """0 where the account may not know."""
    bounds: tuple[int, ...] = ()
    """OIDs that cut them into ranges of a few hundred: [b0, b1), [b1, b2), ..."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Extension:
    """An installed extension."""

    name: str
    version: str
    schema: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """What ALTER DATABASE / ALTER ROLE ... SET left behind: `name` = `value` for a database, a role, or both."""

    database: str | None
    role: str | None
    name: str
    value: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Role:
    """A role and its attributes."""

    name: str
    oid: int
    superuser: bool
    inherit: bool
    create_role: bool
    create_db: bool
    can_login: bool
    replication: bool
    bypass_rls: bool
    connection_limit: int
    valid_until: str | None
    password_hash: str | None = field(default=None, repr=False)
    password_readable: bool = False
    comment: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Membership:
    """`member` was granted `role` by `grantor`."""

    role: str
    member: str
    grantor: str
    admin: bool
    inherit: bool | None
    """None before version 16, which had no such option."""
    set: bool | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Tablespace:
    """A tablespace other than the two built-in ones."""

    name: str
    owner: str
    location: str
    acl: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    comment: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerFacts:
    """What a server says of itself."""

    version: int
    """server_version_num, e.g. 160014."""
    version_text: str
    current_user: str
    is_superuser: bool
    bootstrap_role: str
    """The role with OID 10."""
    settings: Mapping[str, str] = field(default_factory=dict)
    cores: int | None = None
    """Processors of its machine; None where the account may not read files there, or the machine is no Linux."""
    memory: int | None = None
    """Bytes of its machine's memory; None in the same cases."""
    next_transaction: int | None = None
    """The number that was the next to be given to a transaction that writes; None: not looked at."""
    looked_at: float = 0.0
    """When that was, by the clock of `time.monotonic` on the runner."""

    @property
    def release(self) -> str:
        """For people: `16.14`."""
        return f"{self.version // 10000}.{self.version % 10000}"

    @property
    def major(self) -> int:
        """10 .. 18."""
        return self.version // 10000


@dataclass(frozen=True, kw_only=True, slots=True)
class Database:
    """One database of the source, as much of it as the spec selects."""

    name: str
    target: str
    owner: str
    encoding: str
    is_template: bool
    bytes: int
    entries: Mapping[int, Entry]
    """Selected entries by id, in the dump's order, which is a valid order of restoring."""
    relations: Mapping[int, Relation]
    """Selected relations by OID."""
    types: Mapping[int, TypeFact] = field(default_factory=dict)
    """By OID, those of all tables of the database: selected or not."""
    sequences: tuple[SequenceFact, ...] = ()
    large_objects: LargeObjects = field(default_factory=LargeObjects)
    extensions: tuple[Extension, ...] = ()
    body_edges: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    """Entry id of a function -> ids of entries that its body names and pg_dump does not know of."""
    missing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What would close the selection: label of an unselected object -> labels of selected ones that need it."""
    missing_includes: tuple[str, ...] = ()
    """The include lines that would close it: `{table: public.customers}`."""
    rows: Mapping[int, str | None] = field(default_factory=dict)
    """Row filters by relation OID; None: no rows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Inventory:
    """All that is selected of the source."""

    server: ServerFacts
    databases: Mapping[str, Database]
    """By source name."""
    roles: tuple[Role, ...] = ()
    memberships: tuple[Membership, ...] = ()
    settings: tuple[Setting, ...] = ()
    tablespaces: tuple[Tablespace, ...] = ()
    left_out: tuple[str, ...] = ()
    """What exists and is not moved, each with why: said in the report."""
    digest: str = ""
    """SHA-256 over entries and facts."""
