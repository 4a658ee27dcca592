"""The object kind `tablespaces`."""

from __future__ import annotations

from collections.abc import Iterable

from dtsrun.api import Deviation, ObjectKind, PlanContext, Step, StepContext, StepResult
from dtsrun.errors import MigrationError
from dtsrun.structure import mapped_tablespaces


class Tablespaces(ObjectKind):
    """Tablespaces: mapped by name, or everything into the default one

    What it does
    ------------
    Puts tables, indexes and materialized views of a tablespace into the tablespace of the target that `map` names for
    it, and into the default one where it names none. The tablespaces of the target must exist; they are not made.

    Why it matters
    --------------
    A tablespace is a folder on a machine. The target has other disks, and a managed server has one tablespace only;
    still, an index that was put on a fast disk on purpose should lie on one again.

    Spec
    ----
    `policy`: `default` (everything into the default tablespace; what lay elsewhere is listed in the report) or `map`.
    `map`: names on the target by names on the source.

    Needs
    -----
    CREATE on the tablespaces of the target.

    Example
    -------
    ::

        migration:
          kinds:
            tablespaces: {policy: map, map: {fast_disk: nvme}}

    Limits
    ------
    Owner, grants, options and comment of a tablespace are the target's own.
    """

    name = "object.tablespaces"
    options = {
        "properties": {
            "policy": {
                "enum": ["default", "map"],
                "default": "default",
                "description": "default: everything into the default tablespace; map: as `map` says",
            },
            "map": {
                "type": "object",
                "additionalProperties": {"type": "string"},
                "default": {},
                "description": "names of tablespaces on the target by their names on the source",
            },
        }
    }

    def steps(self, stage: str, context: PlanContext) -> Iterable[Step]:
        """Return the step that looks for the tablespaces before anything is put there."""
        if stage != "structure" or not context.inventory.tablespaces:
            return
        mapped = mapped_tablespaces(context)
        yield Step(
            key="server/structure/tablespaces",
            stage=stage,
            plugin=self.name,
            action="check",
            args={"tablespaces": {t.name: mapped.get(t.name) for t in context.inventory.tablespaces}},
            provides=("server/tablespaces",),
            title="look for the tablespaces",
        )

    def do_check(self, context: StepContext) -> StepResult:
        """Look for the mapped tablespaces on the target. Raises MigrationError where one is missing."""
        wanted = context.step.args["tablespaces"]
        rows = context.target().execute("select spcname from pg_tablespace").fetchall()
        missing = sorted({name for name in wanted.values() if name} - {row.spcname for row in rows})
        if missing:
            raise MigrationError(
                f"the target has no tablespace {', '.join(missing)}",
                hint="create it on the target, or map the source's tablespace to another",
            )
        return StepResult(deviations=tuple(_to_default(name) for name, target in wanted.items() if not target))


def _to_default(name: str) -> Deviation:
    message = "what lies in it goes to the default tablespace of the target"
    return Deviation(database=None, object=f"TABLESPACE {name}", message=message)
