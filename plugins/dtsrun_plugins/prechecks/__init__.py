"""Things to check before anything is moved."""

from __future__ import annotations

from dtsrun.api import Precheck
from dtsrun_plugins.prechecks.account_conflict import AccountConflict
from dtsrun_plugins.prechecks.client_tools import ClientTools
from dtsrun_plugins.prechecks.connect import Connect
from dtsrun_plugins.prechecks.extension_availability import ExtensionAvailability
from dtsrun_plugins.prechecks.object_dependency import ObjectDependency
from dtsrun_plugins.prechecks.password_hashes import PasswordHashes
from dtsrun_plugins.prechecks.pooler import Pooler
from dtsrun_plugins.prechecks.same_server import SameServer
from dtsrun_plugins.prechecks.single_instance import SingleInstance
from dtsrun_plugins.prechecks.source_permission import SourcePermission
from dtsrun_plugins.prechecks.structure_conflict import StructureConflict
from dtsrun_plugins.prechecks.target_permission import TargetPermission
from dtsrun_plugins.prechecks.target_read_only import TargetReadOnly
from dtsrun_plugins.prechecks.target_space import TargetSpace
from dtsrun_plugins.prechecks.target_standby import TargetStandby
from dtsrun_plugins.prechecks.version import Version

PLUGINS: tuple[type[Precheck], ...] = (
    Connect,
    Version,
    SourcePermission,
    TargetPermission,
    ObjectDependency,
    StructureConflict,
    AccountConflict,
    PasswordHashes,
    ExtensionAvailability,
    TargetSpace,
    SingleInstance,
    Pooler,
    SameServer,
    TargetStandby,
    TargetReadOnly,
    ClientTools,
)
