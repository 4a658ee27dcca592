"""Small tables go together where there are many of them; each table stays known by its own name."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

from dtsrun.api import (
    Database,
    Difference,
    MigrationType,
    PlanContext,
    Relation,
    Resources,
    Step,
    StepContext,
    StepResult,
    own_rows_name,
    rows_name,
)
from dtsrun.compare_steps import compare_steps, single_steps
from dtsrun.comparing_batch import compare_batch
from dtsrun.copy_steps import BATCH_TABLES, MANY_TABLES, copy_steps
from dtsrun.table_rows import LEAST_FROZEN, TableRows


def relation(oid: int, size: int = 8192, **more: Any) -> Relation:
    values: dict[str, Any] = {
        "schema": "public", "name": f"t{oid}", "relkind": "r", "persistence": "p", "owner": "me", "pages": size // 8192,
        "estimated_rows": 1.0, "columns": (), "key": (),
    }  # fmt: skip
    return Relation(oid=oid, bytes=size, **{**values, **more})


def table_rows(relations: Sequence[Relation], resources: Resources) -> tuple[Database, TableRows]:
    """Return a database of these tables, and what is known of their rows."""
    database = Database(
        name="shop", target="shop", owner="me", encoding="UTF8", is_template=False, bytes=0, entries={},
        relations={each.oid: each for each in relations},
    )  # fmt: skip
    context = SimpleNamespace(
        spec=SimpleNamespace(on_conflict="fail", stages={}, migration_type=MigrationType.FULL),
        resources=resources,
        target=SimpleNamespace(major=18, is_superuser=True),
        kinds=(),
        existing=lambda name: frozenset(),
    )
    return database, TableRows(database, cast(PlanContext, context), "object.tables")


def steps(*relations: Relation, resources: Resources | None = None, source: int = 16) -> list[Step]:
    """Return the steps that copy tables."""
    resources = resources or Resources(copy=2, index=2)
    return list(copy_steps(*table_rows(relations, resources), resources, source))


def comparing(*relations: Relation) -> list[Step]:
    """Return the steps that compare tables."""
    return list(compare_steps(*table_rows(relations, Resources(copy=2, index=2))))


def test_a_few_tables_have_a_step_each() -> None:
    made = steps(*(relation(oid) for oid in range(MANY_TABLES - 1)))
    assert {step.action for step in made} == {"copy"}
    assert len(made) == MANY_TABLES - 1


def test_many_small_tables_go_together() -> None:
    made = steps(*(relation(oid) for oid in range(250)), relation(999, LEAST_FROZEN))
    assert [(step.key, step.action) for step in made] == [
        ("shop/full/public.t999", "copy"),
        ("shop/full/tables 0001", "copy_batch"),
        ("shop/full/tables 0002", "copy_batch"),
        ("shop/full/tables 0003", "copy_batch"),
    ]
    assert [len(step.args["tables"]) for step in made[1:]] == [BATCH_TABLES, BATCH_TABLES, 50]
    assert made[1].title == "copy public.t0 and 99 more"
    assert {own_rows_name("shop", 7), rows_name("shop", 7)} <= set(made[1].provides)
    assert sum(step.size for step in made[1:]) == 250 * 8192


def test_a_batch_is_bounded_by_its_bytes() -> None:
    made = steps(*(relation(oid, LEAST_FROZEN - 1) for oid in range(MANY_TABLES)))
    assert [len(step.args["tables"]) for step in made] == [16, 16, 16, 16]


def test_a_partition_fills_its_parent_too() -> None:
    parent = relation(900, relkind="p")
    made = steps(parent, *(relation(oid, parents=(900,), is_partition=True) for oid in range(MANY_TABLES)))
    (step,) = made
    assert rows_name("shop", 900) in step.provides and own_rows_name("shop", 900) not in step.provides


def test_tables_of_extensions_stay_alone() -> None:
    made = steps(*(relation(oid) for oid in range(MANY_TABLES)), relation(901, extension="geo", extension_condition=""))
    assert [step.key for step in made if step.action == "copy"] == ["shop/full/public.t901"]


MB = 2**20


def test_a_large_table_is_cut_into_parts_without_gap_or_end() -> None:
    split = Resources(copy=2, index=2, split_tables_larger_than=10 * MB)
    made = steps(relation(1, 25 * MB), relation(2, 10 * MB), resources=split)
    assert [(step.key, step.size) for step in made] == [
        ("shop/full/public.t1 part 0001 of 0003", 25 * MB // 3),
        ("shop/full/public.t1 part 0002 of 0003", 25 * MB // 3),
        ("shop/full/public.t1 part 0003 of 0003", 25 * MB // 3),
        ("shop/full/public.t2", 10 * MB),
    ]
    assert [step.args["tables"][0]["pages"] for step in made[:3]] == [[None, 1066], [1066, 2133], [2133, None]]
    assert {step.provides for step in made[:3]} == {(own_rows_name("shop", 1), rows_name("shop", 1))}


def test_tables_stay_whole_where_nothing_says_otherwise_or_the_source_would_read_all_for_each_part() -> None:
    split = Resources(copy=2, index=2, split_tables_larger_than=10 * MB)
    assert len(steps(relation(1, 25 * MB))) == 1
    assert len(steps(relation(1, 25 * MB), resources=split, source=13)) == 1
    assert len(steps(relation(1, 25 * MB), resources=split, source=14)) == 3


def test_there_are_no_more_parts_than_pages() -> None:
    split = Resources(copy=2, index=2, split_tables_larger_than=MB)
    assert len(steps(relation(1, 25 * MB, pages=2), resources=split)) == 2


def test_a_few_tables_are_compared_in_a_step_each() -> None:
    made = comparing(*(relation(oid) for oid in range(MANY_TABLES - 1)))
    assert {step.action for step in made} == {"compare_rows"}
    assert len(made) == MANY_TABLES - 1


def test_many_small_tables_are_compared_together_and_large_ones_alone() -> None:
    made = comparing(*(relation(oid) for oid in range(250)), relation(999, LEAST_FROZEN))
    assert [(step.action, step.tables) for step in made] == [
        ("compare_rows", 1),
        ("compare_batch", BATCH_TABLES),
        ("compare_batch", BATCH_TABLES),
        ("compare_batch", 50),
    ]
    assert [step.title for step in made[:2]] == ["compare public.t999", "compare public.t0 and 99 more"]
    assert all(not step.marked and step.depends_softly for step in made)


def test_a_batch_is_the_steps_of_its_tables() -> None:
    whole, batch = comparing(*(relation(oid) for oid in range(MANY_TABLES)), relation(999, LEAST_FROZEN))
    assert list(single_steps(whole)) == [whole]
    singles = list(single_steps(batch))
    assert [step.args["name"] for step in singles] == [f"t{oid}" for oid in range(MANY_TABLES)]
    assert len({step.key for step in singles}) == MANY_TABLES


def test_what_differs_in_a_batch_is_named_by_its_table() -> None:
    (batch,) = comparing(*(relation(oid) for oid in range(MANY_TABLES)))

    def compare(context: StepContext) -> StepResult:
        name = context.step.args["name"]
        found = Difference(database="shop", object=f"TABLE public.{name}", aspect="row", source="1", target="2")
        return StepResult(rows=2, differences=(found,) if name in ("t3", "t7") else ())

    context = SimpleNamespace(step=batch, spec=None)
    result = compare_batch(cast(StepContext, context), compare)
    assert result.rows == 2 * MANY_TABLES
    assert [found.object for found in result.differences] == ["TABLE public.t3", "TABLE public.t7"]
