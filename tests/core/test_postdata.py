"""Entries after the rows: bounded batches that never wait for each other in a circle."""

from collections.abc import Mapping
from typing import Any

from dtsrun.api import Database, Entry, Relation, Section, entry_name, rows_name
from dtsrun.graph import topological_order
from dtsrun.postdata import BATCH_ENTRIES, Batch, Cost, PostData

LARGE, SMALL = 2**30, 1000


def relation(oid: int, relkind: str = "r", size: int = SMALL, parents: tuple[int, ...] = ()) -> Relation:
    return Relation(
        oid=oid,
        schema="public",
        name=f"t{oid}",
        relkind=relkind,
        persistence="p",
        owner="app",
        bytes=size,
        pages=0,
        estimated_rows=0,
        columns=(),
        key=(),
        parents=parents,
        is_partition=bool(parents),
    )


def entry(number: int, kind: str, name: str, *needs: int, text: str = "x;") -> Entry:
    return Entry(
        id=number,
        type=kind,
        schema="public",
        name=name,
        owner=None,
        sql=text,
        drop_sql="",
        catalog=1259 if kind == "TABLE" else 0,
        oid=number,
        tablespace=None,
        access_method=None,
        relkind=None,
        section=Section.PRE_DATA if kind in ("TABLE", "FUNCTION") else Section.POST_DATA,
        depends_on=needs,
        kind="object.any",
    )


def table(number: int) -> Entry:
    return entry(number, "TABLE", f"t{number}")


def post_data(
    entries: list[Entry],
    relations: list[Relation],
    *,
    has_rows: bool = True,
    bodies: Mapping[int, tuple[int, ...]] | None = None,
) -> PostData:
    facts: dict[str, Any] = {"owner": "app", "encoding": "UTF8", "is_template": False, "bytes": 0}
    database = Database(
        name="shop",
        target="shop",
        entries={e.id: e for e in entries},
        relations={r.oid: r for r in relations},
        body_edges=bodies or {},
        **facts,
    )
    later = [e for e in entries if e.section is Section.POST_DATA]
    return PostData(database, later, has_rows=has_rows)


def edges(post: PostData, batches: list[Batch]) -> dict[int, list[int]]:
    """Return for each batch the batches that it waits for."""
    makers = {entry_name("shop", e.id): number for number, batch in enumerate(batches) for e in batch.entries}
    return {n: sorted({makers[name] for name in post.needs(b) if name in makers}) for n, b in enumerate(batches)}


PARTITIONED = [
    table(1),
    table(2),
    table(3),
    entry(10, "INDEX", "whole", 1),
    entry(11, "INDEX", "part2", 2, 10),
    entry(12, "INDEX", "part3", 3, 10),
    entry(13, "INDEX ATTACH", "part2", 11, 10),
    entry(14, "INDEX ATTACH", "part3", 12, 10),
]
PARTS = [relation(1, "p", 0), relation(2, size=LARGE, parents=(1,)), relation(3, parents=(1,))]


def test_batches_never_wait_for_each_other_in_a_circle() -> None:
    post = post_data(PARTITIONED, PARTS)
    batches = list(post.batches())
    assert sorted(e.id for batch in batches for e in batch.entries) == [10, 11, 12, 13, 14]
    assert len(topological_order(edges(post, batches))) == len(batches)


def test_only_what_reads_a_large_table_is_costly() -> None:
    costly = [b.entries[0].name for b in post_data(PARTITIONED, PARTS).batches() if b.cost is Cost.COSTLY]
    assert costly == ["part2"]


def test_without_rows_nothing_is_costly() -> None:
    batches = post_data(PARTITIONED, PARTS, has_rows=False).batches()
    assert all(batch.cost is not Cost.COSTLY for batch in batches)


def test_a_partitioned_index_alone_waits_for_no_rows() -> None:
    post = post_data(PARTITIONED, PARTS)
    (batch,) = [b for b in post.batches() if b.cost is Cost.CATALOG]
    assert post.needs(batch) == (entry_name("shop", 1),)


def test_the_index_of_a_partition_waits_for_its_own_rows() -> None:
    post = post_data(PARTITIONED, PARTS)
    (batch,) = [b for b in post.batches() if b.cost is Cost.COSTLY]
    assert set(post.needs(batch)) == {entry_name("shop", 2), entry_name("shop", 10), rows_name("shop", 2)}


def test_a_batch_is_bounded() -> None:
    tables = [table(n) for n in range(1, 251)]
    indexes = [entry(1000 + n, "INDEX", f"i{n}", n) for n in range(1, 251)]
    sizes = [len(b.entries) for b in post_data([*tables, *indexes], [relation(n) for n in range(1, 251)]).batches()]
    assert (max(sizes), sum(sizes)) == (BATCH_ENTRIES, 250)


def test_an_index_waits_for_what_its_function_reads() -> None:
    entries = [table(1), table(2), entry(5, "FUNCTION", "f()"), entry(10, "INDEX", "i", 1, 5)]
    post = post_data(entries, [relation(1), relation(2)], bodies={5: (2,)})
    (batch,) = post.batches()
    assert rows_name("shop", 2) in post.needs(batch)
    assert post.locks(batch) == ("shop/lock/1",), "a function's reading takes no lock that could cross another"


def test_a_trigger_does_not_wait_for_what_its_function_reads() -> None:
    entries = [table(1), table(2), entry(5, "FUNCTION", "f()"), entry(10, "TRIGGER", "t1 stamp", 1, 5)]
    post = post_data(entries, [relation(1), relation(2)], bodies={5: (2,)})
    (batch,) = post.batches()
    assert rows_name("shop", 2) not in post.needs(batch)


def test_a_foreign_key_that_is_not_validated_is_cheap() -> None:
    fk = entry(10, "FK CONSTRAINT", "t1 fk", 1, 2, text="ALTER TABLE x ADD FOREIGN KEY (a) REFERENCES y NOT VALID;\n")
    (batch,) = post_data([table(1), table(2), fk], [relation(1, size=LARGE), relation(2)]).batches()
    assert batch.cost is Cost.CHEAP


def test_locks_are_those_of_the_whole_family_of_a_table() -> None:
    fk = entry(10, "FK CONSTRAINT", "t2 fk", 2, 4)
    post = post_data([table(1), table(2), table(4), fk], [*PARTS[:2], relation(4)])
    (batch,) = post.batches()
    assert post.locks(batch) == ("shop/lock/1", "shop/lock/4")
    assert (post.roots(2), post.tree(1), post.tree_bytes(1)) == ({1}, {1, 2}, LARGE)
