"""The stage `complete`."""

from __future__ import annotations

from collections.abc import Iterable

from dtsrun.api import PlanContext, Stage, Step


class Complete(Stage):
    """Completion: what the kinds of object have left for the very end

    What it does
    ------------
    Runs the last steps of the object kinds. dtsrun's own memory on the target, the schema `_dtsrun`, is removed when
    they are done. A task that follows changes is completed at the user's word: it waits until nothing is left to
    apply, raises the fence if one is wanted, lets the target apply the rest, and looks into the slots for proof that
    no commit lies beyond. Then it aligns what changes do not carry (sequences, materialized views, unlogged tables,
    tables of which only inserts are followed, large objects), compares both ends, looks into the slots once more,
    and removes links, slots, publications and identities.

    Why it matters
    --------------
    A cutover that trusts a position, or a person who says that nobody writes any more, loses the last rows. Whatever
    stands in the way calls it off: the fence is put back, and changes are followed on.

    Spec
    ----
    `migration.stages.complete`; what `dtsrun complete` is told goes before.

    Needs
    -----
    What the steps of the kinds need; each says so itself.

    Example
    -------
    ::

        migration: {type: full, objects: entire_instance}

    Limits
    ------
    The fence is a default that a session can override: a late writer is found by the proof, not kept out. It stays
    when the task is complete, so that nobody writes to the old source; the report has the statement that lifts it.
    """

    name = "stage.complete"
    options = {
        "properties": {
            "when": {
                "enum": ["asked", "caught_up"],
                "default": "asked",
                "description": "asked: changes are followed until `dtsrun complete`. caught_up: completion begins by"
                " itself as soon as nothing is left to apply, once; where it is called off, it has to be asked for.",
            },
            "fence": {
                "enum": ["none", "read_only", "connections"],
                "default": "none",
                "description": "read_only: databases of the source become read only by default, and their sessions are"
                " ended. connections: nobody but the exempt may connect any more. none: you stop the applications"
                " yourself.",
            },
            "timeout": {
                "type": ["string", "integer"],
                "format": "dtsrun-duration",
                "default": "10m",
                "description": "How long all may take before completion is called off, up to the removal of links and"
                " slots, which goes on to its end.",
            },
            "still": {
                "type": ["string", "integer"],
                "format": "dtsrun-duration",
                "default": "2s",
                "description": "For how long nothing may be left to apply before the fence is raised.",
            },
            "exempt": {
                "type": "object",
                "default": {},
                "description": "Whose sessions on the source may stay: monitoring, a pooler.",
                "properties": {
                    "roles": {"type": "array", "items": {"type": "string"}, "description": "Patterns of roles."},
                    "applications": {
                        "type": "array",
                        "items": {"type": "string"},
                        "description": "Patterns of their application_name.",
                    },
                },
            },
        }
    }
    after = ("stage.structure", "stage.full", "stage.indexes", "stage.verify")

    def plan(self, context: PlanContext) -> Iterable[Step]:
        """Return the steps of the kinds."""
        for kind in context.kinds:
            yield from kind.steps("complete", context)
