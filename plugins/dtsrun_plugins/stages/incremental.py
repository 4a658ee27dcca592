"""The stage `incremental`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from dtsrun.api import Identity, Lane, LinkTable, MigrationType, PlanContext, Stage, Step, StepContext, StepResult

WORDS = {
    Identity.INDEX: "by a unique index",
    Identity.FULL: "by whole rows",
    Identity.INSERT_ONLY: "inserts alone",
}
"""How tables are followed that have no key of their own."""


class Incremental(Stage):
    """The changes of a source in use, from the snapshot on until the cutover

    What it does
    ------------
    Before the copy, publications are made that name every table, and a replication slot for each database whose
    exported snapshot the copy reads in. When all is copied and built, the engine begins to carry the changes exactly
    where the snapshot ended. Where a snapshot was lost on the way, the tables that were not yet copied have a slot of
    their own: each table is followed from its own epoch on.

    Why it matters
    --------------
    The application goes on writing until the moment of the cutover, and nothing that it writes is lost or comes twice.
    A table without a key would make the application's own UPDATE fail as soon as it is published: so it gets a replica
    identity first, a unique index, or whole rows; and where rows cannot be compared, its inserts alone are followed
    and it is copied again at completion. All is given back in the end.

    Spec
    ----
    `migration.type: full_incremental`; the options stand below `migration.stages.incremental`.

    Needs
    -----
    `wal_level = logical` and REPLICATION on the source, ownership of the tables there (a publication names them), and
    what the engine needs. Prechecks say what is missing.

    Example
    -------
    ::

        migration:
          type: full_incremental
          objects: entire_instance
          stages: {incremental: {engine: subscription, groups: 2, identities: {public.log: insert_only}}}

    Limits
    ------
    DDL is not carried: it is noticed and named, with its repair. Sequences, materialized views, unlogged tables and
    large objects are aligned at completion.
    """

    name = "stage.incremental"
    types = frozenset({MigrationType.FULL_INCREMENTAL})
    requires = ("stage.full", "stage.indexes")
    options = {
        "properties": {
            "engine": {
                "type": "string",
                "default": "subscription",
                "pattern": "^[a-z][a-z0-9_]*$",
                "description": "What carries the changes: subscription (the target's server pulls), or stream (dtsrun"
                " itself, for servers that cannot see each other); others by plugin.",
            },
            "groups": {
                "type": "integer",
                "minimum": 1,
                "maximum": 16,
                "default": 1,
                "description": "Links that share the tables of a database, those that no foreign key ties together"
                " (from version 12 of the source on).",
            },
            "slot_wait": {
                "type": ["string", "integer"],
                "format": "dtsrun-duration",
                "default": "10m",
                "description": "How long the making of a slot may wait for transactions that write on the source.",
            },
            "on_apply_error": {
                "enum": ["retry", "quarantine", "stop"],
                "default": "retry",
                "description": "What becomes of a change that the target refuses: retry it until it is mended, for as"
                " long as task.retry says; quarantine its table, which is no longer followed until dtsrun repair"
                " copies it anew, while all others go on; or stop, so that the task fails at once. Links keep their"
                " positions.",
            },
            "identities": {
                "type": "object",
                "default": {},
                "propertyNames": {"pattern": r"^.+\..+$"},
                "additionalProperties": {"enum": ["full", "insert_only"]},
                "description": "By schema.table, how a table is followed where the choice of dtsrun is not yours.",
            },
        }
    }

    def plan(self, context: PlanContext) -> Iterable[Step]:
        """Return one step for each database."""
        for database in context.inventory.databases.values():
            tables = context.followed(database.name)
            if tables:
                yield Step(
                    key=f"{database.name}/incremental/follow",
                    stage="incremental",
                    plugin=self.name,
                    action="follow",
                    database=database.name,
                    args={"tables": [asdict(table) for table in tables]},
                    lane=Lane.STRUCTURE,
                    transactional=False,
                    # Made anew by every run: the engine goes on where it was.
                    marked=False,
                    title=f"follow {len(tables)} {'table' if len(tables) == 1 else 'tables'} of {database.name}"
                    f"{_explained(tables)}",
                )

    def do_follow(self, context: StepContext) -> StepResult:
        """Let the engine begin."""
        return StepResult(detail={"links": [status.link for status in context.follow()]})


def _explained(tables: Sequence[LinkTable]) -> str:
    counts = Counter(table.identity for table in tables)
    words = [f"{counts[identity]} {words}" for identity, words in WORDS.items() if counts[identity]]
    links = Counter(table.group for table in tables)
    if len(links) > 1:
        shares = ", ".join(str(links[group]) for group in sorted(links))
        words.append(f"shared by {len(links)} links, {shares} tables, that no foreign key ties together")
    return f" ({', '.join(words)})" if words else ""
