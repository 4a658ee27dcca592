"""All that a plugin author imports.

What stands here is the public contract: abstract classes that authors write (`AccessType`, `InventoryProvider`,
`Secret`, `Precheck`, `ObjectKind`, `Stage`, `Engine`), protocols of what the core hands in (`*Context`), and frozen
values that travel between.
Nothing outside this package, `dtsrun.errors`, `dtsrun.postgres` and `dtsrun.testing` is meant for plugins.
"""

from dtsrun.api.contexts import (
    AccessContext,
    CheckContext,
    Connection,
    PlanContext,
    StepContext,
)
from dtsrun.api.findings import (
    CheckResult,
    Deviation,
    Difference,
    Finding,
    Fix,
    Outcome,
    Severity,
    SkipCheck,
    Undetermined,
)
from dtsrun.api.hooks import hookimpl
from dtsrun.api.incremental import Engine, EngineContext, Identity, Link, LinkStatus, LinkTable
from dtsrun.api.instances import Instance, WantedInstance
from dtsrun.api.inventory import (
    Column,
    Database,
    Entry,
    Extension,
    Inventory,
    LargeObjects,
    Membership,
    Relation,
    Role,
    Section,
    SequenceFact,
    ServerFacts,
    Setting,
    Tablespace,
    TypeFact,
)
from dtsrun.api.plugins import (
    AccessType,
    InventoryProvider,
    ObjectKind,
    Plugin,
    Precheck,
    Secret,
    Stage,
    TellsBinaryTypes,
)
from dtsrun.api.routes import Endpoint, Objection, ProbeResult, Route, SecretReference, Side
from dtsrun.api.selection import DatabaseSelection, Pattern, Selection
from dtsrun.api.spec import MigrationType, Resources, Spec, TaskSettings
from dtsrun.api.steps import Failure, Lane, Step, StepResult, entry_name, own_rows_name, rows_name

__all__ = [
    "AccessContext",
    "AccessType",
    "CheckContext",
    "CheckResult",
    "Column",
    "Connection",
    "Database",
    "DatabaseSelection",
    "Deviation",
    "Difference",
    "Endpoint",
    "Engine",
    "EngineContext",
    "Entry",
    "Extension",
    "Failure",
    "Finding",
    "Fix",
    "Identity",
    "Instance",
    "Inventory",
    "InventoryProvider",
    "Lane",
    "LargeObjects",
    "Link",
    "LinkStatus",
    "LinkTable",
    "Membership",
    "MigrationType",
    "ObjectKind",
    "Objection",
    "Outcome",
    "Pattern",
    "PlanContext",
    "Plugin",
    "Precheck",
    "ProbeResult",
    "Relation",
    "Resources",
    "Role",
    "Route",
    "Secret",
    "SecretReference",
    "Section",
    "Selection",
    "SequenceFact",
    "ServerFacts",
    "Setting",
    "Severity",
    "Side",
    "SkipCheck",
    "Spec",
    "Stage",
    "Step",
    "StepContext",
    "StepResult",
    "Tablespace",
    "TaskSettings",
    "TellsBinaryTypes",
    "TypeFact",
    "Undetermined",
    "WantedInstance",
    "entry_name",
    "hookimpl",
    "own_rows_name",
    "rows_name",
]
