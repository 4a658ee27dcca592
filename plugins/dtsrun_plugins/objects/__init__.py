"""Object kinds: what a database holds, one kind a file."""

from __future__ import annotations

from dtsrun.api import ObjectKind
from dtsrun_plugins.objects.access_methods import AccessMethods
from dtsrun_plugins.objects.aggregates import Aggregates
from dtsrun_plugins.objects.casts import Casts
from dtsrun_plugins.objects.collations import Collations
from dtsrun_plugins.objects.comments import Comments
from dtsrun_plugins.objects.constraints import Constraints
from dtsrun_plugins.objects.conversions import Conversions
from dtsrun_plugins.objects.databases import Databases
from dtsrun_plugins.objects.default_privileges import DefaultPrivileges
from dtsrun_plugins.objects.domains import Domains
from dtsrun_plugins.objects.event_triggers import EventTriggers
from dtsrun_plugins.objects.extended_statistics import ExtendedStatistics
from dtsrun_plugins.objects.extensions import Extensions
from dtsrun_plugins.objects.foreign_data_wrappers import ForeignDataWrappers
from dtsrun_plugins.objects.foreign_keys import ForeignKeys
from dtsrun_plugins.objects.foreign_servers import ForeignServers
from dtsrun_plugins.objects.foreign_tables import ForeignTables
from dtsrun_plugins.objects.functions import Functions
from dtsrun_plugins.objects.grants import Grants
from dtsrun_plugins.objects.indexes import Indexes
from dtsrun_plugins.objects.languages import Languages
from dtsrun_plugins.objects.large_objects import LargeObjects
from dtsrun_plugins.objects.materialized_views import MaterializedViews
from dtsrun_plugins.objects.operator_classes import OperatorClasses
from dtsrun_plugins.objects.operator_families import OperatorFamilies
from dtsrun_plugins.objects.operators import Operators
from dtsrun_plugins.objects.optimizer_statistics import OptimizerStatistics
from dtsrun_plugins.objects.policies import Policies
from dtsrun_plugins.objects.procedures import Procedures
from dtsrun_plugins.objects.publications import Publications
from dtsrun_plugins.objects.roles import Roles
from dtsrun_plugins.objects.rules import Rules
from dtsrun_plugins.objects.schemas import Schemas
from dtsrun_plugins.objects.security_labels import SecurityLabels
from dtsrun_plugins.objects.sequences import Sequences
from dtsrun_plugins.objects.subscriptions import Subscriptions
from dtsrun_plugins.objects.tables import Tables
from dtsrun_plugins.objects.tablespaces import Tablespaces
from dtsrun_plugins.objects.text_search import TextSearch
from dtsrun_plugins.objects.transforms import Transforms
from dtsrun_plugins.objects.triggers import Triggers
from dtsrun_plugins.objects.types import Types
from dtsrun_plugins.objects.user_mappings import UserMappings
from dtsrun_plugins.objects.views import Views

PLUGINS: tuple[type[ObjectKind], ...] = (
    AccessMethods,
    Aggregates,
    Casts,
    Collations,
    Comments,
    Constraints,
    Conversions,
    Databases,
    DefaultPrivileges,
    Domains,
    EventTriggers,
    ExtendedStatistics,
    Extensions,
    ForeignDataWrappers,
    ForeignKeys,
    ForeignServers,
    ForeignTables,
    Functions,
    Grants,
    Indexes,
    Languages,
    LargeObjects,
    MaterializedViews,
    OperatorClasses,
    OperatorFamilies,
    Operators,
    OptimizerStatistics,
    Policies,
    Procedures,
    Publications,
    Roles,
    Rules,
    Schemas,
    SecurityLabels,
    Sequences,
    Subscriptions,
    Tables,
    Tablespaces,
    TextSearch,
    Transforms,
    Triggers,
    Types,
    UserMappings,
    Views,
)
"""All kinds that dtsrun brings along."""
