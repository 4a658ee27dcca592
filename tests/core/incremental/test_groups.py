"""Groups share the work, and never part what belongs together."""

from hypothesis import given
from hypothesis import strategies as st

from dtsrun.api import Connection
from dtsrun.incremental.groups import foreign_keys, grouped


def test_the_largest_parts_lie_apart() -> None:
    groups = grouped({1: 100, 2: 90, 3: 5, 4: 5}, [(3, 4)], 2)
    assert groups[1] != groups[2]
    assert groups[3] == groups[4] == groups[2]


def test_no_more_groups_than_parts() -> None:
    assert set(grouped({1: 1, 2: 1}, [(1, 2)], 4).values()) == {0}
    assert grouped({}, [], 3) == {}


@given(
    st.dictionaries(st.integers(1, 30), st.integers(0, 1000), min_size=1),
    st.lists(st.tuples(st.integers(1, 35), st.integers(1, 35)), max_size=40),
    st.integers(1, 5),
)
def test_what_is_tied_stays_together(sizes: dict[int, int], ties: list[tuple[int, int]], count: int) -> None:
    groups = grouped(sizes, ties, count)
    assert groups.keys() == sizes.keys()
    assert all(0 <= group < count for group in groups.values())
    assert all(groups[a] == groups[b] for a, b in ties if a in sizes and b in sizes)


def test_ties_come_from_foreign_keys_and_partitions(source: Connection) -> None:
    source.execute(
        "create table a (id int primary key); create table b (id int primary key, a int references a);"
        "create table p (id int) partition by list (id); create table p1 partition of p for values in (1);"
        "create table p2 partition of p for values in (2); create table alone (id int)"
    )
    oids = {
        row.relname: row.oid for row in source.execute("select relname, oid::int from pg_class where relkind = 'r'")
    }
    sizes = {oids[name]: 8192 for name in ("a", "b", "p1", "p2", "alone")}
    groups = grouped(sizes, foreign_keys(source), 3)
    assert groups[oids["a"]] == groups[oids["b"]]
    assert groups[oids["p1"]] == groups[oids["p2"]]
    assert len(set(groups.values())) == 3
