"""What a task may take is decided with reasons: the spec's word first, then what is known of both ends."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dtsrun.api import Database, Inventory, Relation, Resources, ServerFacts
from dtsrun.resources import MOST_PARALLEL, Known, decide_resources

GB = 2**30


def server(version: int = 160000, **more: Any) -> ServerFacts:
    settings = {"maintenance_work_mem": "65536", "shared_buffers": "131072", "block_size": "8192"}
    usual = ServerFacts(
        version=version, version_text="", current_user="me", is_superuser=True, bootstrap_role="me", settings=settings
    )
    return replace(usual, **more)


def tables(*sizes: int) -> Inventory:
    relations = {
        oid: Relation(
            oid=oid, schema="s", name=f"t{oid}", relkind="r", persistence="p", owner="me", bytes=size, pages=1,
            estimated_rows=0.0, columns=(), key=(),
        )
        for oid, size in enumerate(sizes)
    }  # fmt: skip
    database = Database(
        name="shop", target="shop", owner="me", encoding="UTF8", is_template=False, bytes=0, entries={},
        relations=relations,
    )  # fmt: skip
    return Inventory(server=server(), databases={"shop": database})


def test_what_the_spec_says_is_kept() -> None:
    wanted = Resources(copy=5, index=3, split_tables_larger_than=GB, index_memory=3 * GB, rate_limit=200 * 2**20)
    decided, said = decide_resources(wanted, Known(server(), server(cores=12)))
    assert replace(decided, index_workers=None) == wanted
    assert said == (
        "5 tables and 3 indexes at once (as the spec says); tables above 1024 MB are cut into parts (as the spec says);"
        " each index is built in 1024 MB of memory (as the spec says), with 3 workers beside it; at most 200 MB/s over"
        " all copies"
    )


@pytest.mark.parametrize(
    ("source", "target", "chosen"), [(2, 16, 2), (16, 6, 6), (None, 4, 4), (1, 1, 2), (64, 64, MOST_PARALLEL)]
)
def test_the_server_with_fewer_cores_decides(source: int | None, target: int, chosen: int) -> None:
    decided, said = decide_resources(Resources(), Known(server(cores=source), server(cores=target)))
    assert (decided.copy, decided.index) == (chosen, chosen)
    assert f"the target has {target} cores" in said


def test_cores_that_are_not_known_are_not_made_up() -> None:
    assert "those of the servers are not known" in decide_resources(Resources(), Known(server(), server()))[1]


def test_a_table_is_cut_where_it_would_keep_one_copy_busy_beyond_the_others() -> None:
    ends = Known(server(cores=8), server(cores=8), tables(40 * GB, 8 * GB))
    decided, said = decide_resources(Resources(), ends)
    assert decided.split_tables_larger_than == 6 * GB
    assert "tables above 6144 MB are cut into parts (auto: above the share of one copy)" in said


def test_a_few_copies_leave_tables_whole() -> None:
    decided, said = decide_resources(Resources(), Known(server(cores=2), server(cores=2), tables(40 * GB)))
    assert decided.split_tables_larger_than is None
    assert "no table is cut into parts (auto" in said


def test_an_old_source_is_said_to_leave_tables_whole() -> None:
    said = decide_resources(Resources(split_tables_larger_than=GB), Known(server(130000), server()))[1]
    assert "version 13 of the source" in said


@pytest.mark.parametrize(
    ("target", "megabytes"),
    [
        (server(memory=16 * GB), 2048),  # an eighth
        (server(memory=1 * GB), 4 * 64),  # never less than the server's own for each
        (server(), 512),  # half of shared_buffers
        (server(memory=1024 * GB), 4 * 2048),  # more gains nothing
    ],
)
def test_memory_is_shared_out(target: ServerFacts, megabytes: int) -> None:
    decided, _ = decide_resources(Resources(index=4), Known(server(), target))
    assert decided.index_memory == megabytes * 2**20


def test_workers_are_no_more_than_cores() -> None:
    for cores, index, workers in ((2, 2, 0), (8, 2, 3), (8, 8, 0), (64, 2, MOST_PARALLEL)):
        decided, _ = decide_resources(Resources(index=index), Known(server(), server(cores=cores)))
        assert decided.index_workers == workers
    assert decide_resources(Resources(), Known(server(), server(100000, cores=8)))[0].index_workers is None
    assert decide_resources(Resources(), Known(server(), server()))[0].index_workers is None
