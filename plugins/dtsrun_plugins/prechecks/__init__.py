"""Things to check before anything is moved."""

from __future__ import annotations

from dtsrun.api import Precheck
from dtsrun_plugins.prechecks.account_conflict import AccountConflict
from dtsrun_plugins.prechecks.background_jobs import BackgroundJobs
from dtsrun_plugins.prechecks.c_libraries import CLibraries
from dtsrun_plugins.prechecks.catalog_grants import CatalogGrants
from dtsrun_plugins.prechecks.check_functions import CheckFunctions
from dtsrun_plugins.prechecks.clear_text import ClearText
from dtsrun_plugins.prechecks.client_tools import ClientTools
from dtsrun_plugins.prechecks.collation_missing import CollationMissing
from dtsrun_plugins.prechecks.collation_version import CollationVersion
from dtsrun_plugins.prechecks.column_parity import ColumnParity
from dtsrun_plugins.prechecks.connect import Connect
from dtsrun_plugins.prechecks.connection_limit import ConnectionLimit
from dtsrun_plugins.prechecks.connections_free import ConnectionsFree
from dtsrun_plugins.prechecks.create_subscription import CreateSubscription
from dtsrun_plugins.prechecks.database_encoding import DatabaseEncoding
from dtsrun_plugins.prechecks.database_locale import DatabaseLocale
from dtsrun_plugins.prechecks.deferrable_keys import DeferrableKeys
from dtsrun_plugins.prechecks.detached_partitions import DetachedPartitions
from dtsrun_plugins.prechecks.empty_target import EmptyTarget
from dtsrun_plugins.prechecks.enum_parity import EnumParity
from dtsrun_plugins.prechecks.exclusive_locks import ExclusiveLocks
from dtsrun_plugins.prechecks.extension_availability import ExtensionAvailability
from dtsrun_plugins.prechecks.extension_creation import ExtensionCreation
from dtsrun_plugins.prechecks.extension_preload import ExtensionPreload
from dtsrun_plugins.prechecks.foreign_partitions import ForeignPartitions
from dtsrun_plugins.prechecks.foreign_tables import ForeignTables
from dtsrun_plugins.prechecks.function_search_path import FunctionSearchPath
from dtsrun_plugins.prechecks.generated_identity import GeneratedIdentity
from dtsrun_plugins.prechecks.identity_equality import IdentityEquality
from dtsrun_plugins.prechecks.identity_full import IdentityFull
from dtsrun_plugins.prechecks.identity_index import IdentityIndex
from dtsrun_plugins.prechecks.identity_nothing import IdentityNothing
from dtsrun_plugins.prechecks.idle_slot_timeout import IdleSlotTimeout
from dtsrun_plugins.prechecks.inheritance_columns import InheritanceColumns
from dtsrun_plugins.prechecks.inherited_not_null import InheritedNotNull
from dtsrun_plugins.prechecks.invalid_databases import InvalidDatabases
from dtsrun_plugins.prechecks.invalid_indexes import InvalidIndexes
from dtsrun_plugins.prechecks.keyless_cascade import KeylessCascade
from dtsrun_plugins.prechecks.large_object_clash import LargeObjectClash
from dtsrun_plugins.prechecks.large_object_missing import LargeObjectMissing
from dtsrun_plugins.prechecks.large_objects_left_out import LargeObjectsLeftOut
from dtsrun_plugins.prechecks.large_transactions import LargeTransactions
from dtsrun_plugins.prechecks.leaf_identity import LeafIdentity
from dtsrun_plugins.prechecks.leftover_marks import LeftoverMarks
from dtsrun_plugins.prechecks.leftover_slots import LeftoverSlots
from dtsrun_plugins.prechecks.locks_capacity import LocksCapacity
from dtsrun_plugins.prechecks.logical_workers import LogicalWorkers
from dtsrun_plugins.prechecks.long_transactions import LongTransactions
from dtsrun_plugins.prechecks.nondeterministic_keys import NondeterministicKeys
from dtsrun_plugins.prechecks.object_dependency import ObjectDependency
from dtsrun_plugins.prechecks.oid_alias_columns import OidAliasColumns
from dtsrun_plugins.prechecks.other_tools import OtherTools
from dtsrun_plugins.prechecks.parameter_conflict import ParameterConflict
from dtsrun_plugins.prechecks.password_hashes import PasswordHashes
from dtsrun_plugins.prechecks.password_logging import PasswordLogging
from dtsrun_plugins.prechecks.password_method import PasswordMethod
from dtsrun_plugins.prechecks.policy_roles import PolicyRoles
from dtsrun_plugins.prechecks.pooler import Pooler
from dtsrun_plugins.prechecks.prepared_transactions import PreparedTransactions
from dtsrun_plugins.prechecks.primary_keys import PrimaryKeys
from dtsrun_plugins.prechecks.private_address import PrivateAddress
from dtsrun_plugins.prechecks.public_address import PublicAddress
from dtsrun_plugins.prechecks.removed_operators import RemovedOperators
from dtsrun_plugins.prechecks.removed_types import RemovedTypes
from dtsrun_plugins.prechecks.replica_triggers import ReplicaTriggers
from dtsrun_plugins.prechecks.replication_attribute import ReplicationAttribute
from dtsrun_plugins.prechecks.replication_origins import ReplicationOrigins
from dtsrun_plugins.prechecks.replication_protocol import ReplicationProtocol
from dtsrun_plugins.prechecks.replication_role import ReplicationRole
from dtsrun_plugins.prechecks.replication_slots import ReplicationSlots
from dtsrun_plugins.prechecks.role_attributes import RoleAttributes
from dtsrun_plugins.prechecks.role_expired import RoleExpired
from dtsrun_plugins.prechecks.role_memberships import RoleMemberships
from dtsrun_plugins.prechecks.role_settings import RoleSettings
from dtsrun_plugins.prechecks.row_filters import RowFilters
from dtsrun_plugins.prechecks.same_server import SameServer
from dtsrun_plugins.prechecks.sequence_behind_data import SequenceBehindData
from dtsrun_plugins.prechecks.sequence_exhaustion import SequenceExhaustion
from dtsrun_plugins.prechecks.set_role import SetRole
from dtsrun_plugins.prechecks.signal_backend import SignalBackend
from dtsrun_plugins.prechecks.single_instance import SingleInstance
from dtsrun_plugins.prechecks.slot_wal_limit import SlotWalLimit
from dtsrun_plugins.prechecks.source_permission import SourcePermission
from dtsrun_plugins.prechecks.source_standby import SourceStandby
from dtsrun_plugins.prechecks.source_writers import SourceWriters
from dtsrun_plugins.prechecks.structure_conflict import StructureConflict
from dtsrun_plugins.prechecks.subscriptions import Subscriptions
from dtsrun_plugins.prechecks.superuser_objects import SuperuserObjects
from dtsrun_plugins.prechecks.synchronous_standby import SynchronousStandby
from dtsrun_plugins.prechecks.system_views import SystemViews
from dtsrun_plugins.prechecks.tablespace_map import TablespaceMap
from dtsrun_plugins.prechecks.target_event_triggers import TargetEventTriggers
from dtsrun_plugins.prechecks.target_indexes_valid import TargetIndexesValid
from dtsrun_plugins.prechecks.target_permission import TargetPermission
from dtsrun_plugins.prechecks.target_publications import TargetPublications
from dtsrun_plugins.prechecks.target_reaches_source import TargetReachesSource
from dtsrun_plugins.prechecks.target_read_only import TargetReadOnly
from dtsrun_plugins.prechecks.target_space import TargetSpace
from dtsrun_plugins.prechecks.target_standby import TargetStandby
from dtsrun_plugins.prechecks.target_subscription import TargetSubscription
from dtsrun_plugins.prechecks.target_temp_files import TargetTempFiles
from dtsrun_plugins.prechecks.target_templates import TargetTemplates
from dtsrun_plugins.prechecks.tls_verification import TlsVerification
from dtsrun_plugins.prechecks.unlogged_tables import UnloggedTables
from dtsrun_plugins.prechecks.updates_without_identity import UpdatesWithoutIdentity
from dtsrun_plugins.prechecks.user_mapping_secrets import UserMappingSecrets
from dtsrun_plugins.prechecks.version import Version
from dtsrun_plugins.prechecks.wal_archiving import WalArchiving
from dtsrun_plugins.prechecks.wal_level import WalLevel
from dtsrun_plugins.prechecks.wal_sender_timeout import WalSenderTimeout
from dtsrun_plugins.prechecks.wal_senders import WalSenders
from dtsrun_plugins.prechecks.with_oids import WithOids
from dtsrun_plugins.prechecks.wraparound import Wraparound
from dtsrun_plugins.prechecks.xml_support import XmlSupport

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
    TargetReachesSource,
    TargetReadOnly,
    ClientTools,
    PrimaryKeys,
    UpdatesWithoutIdentity,
    KeylessCascade,
    LeafIdentity,
    IdentityIndex,
    IdentityNothing,
    IdentityFull,
    IdentityEquality,
    DeferrableKeys,
    GeneratedIdentity,
    UnloggedTables,
    WalLevel,
    ReplicationSlots,
    WalSenders,
    SlotWalLimit,
    WalSenderTimeout,
    IdleSlotTimeout,
    WalArchiving,
    LogicalWorkers,
    ReplicationOrigins,
    InvalidIndexes,
    DetachedPartitions,
    InheritanceColumns,
    InheritedNotNull,
    RemovedTypes,
    WithOids,
    SystemViews,
    XmlSupport,
    SequenceExhaustion,
    SequenceBehindData,
    LargeObjectsLeftOut,
    LargeObjectMissing,
    LargeObjectClash,
    PreparedTransactions,
    LongTransactions,
    LeftoverSlots,
    ReplicationProtocol,
    ReplicationAttribute,
    CreateSubscription,
    SignalBackend,
    ReplicationRole,
    SourceStandby,
    CheckFunctions,
    FunctionSearchPath,
    CLibraries,
    SuperuserObjects,
    ReplicaTriggers,
    TargetEventTriggers,
    ColumnParity,
    EnumParity,
    DatabaseLocale,
    DatabaseEncoding,
    ParameterConflict,
    CollationMissing,
    CollationVersion,
    PolicyRoles,
    SetRole,
    ConnectionsFree,
    ConnectionLimit,
    LocksCapacity,
    InvalidDatabases,
    ExclusiveLocks,
    LeftoverMarks,
    SourceWriters,
    Wraparound,
    SynchronousStandby,
    Subscriptions,
    TargetPublications,
    ForeignTables,
    ForeignPartitions,
    OidAliasColumns,
    RemovedOperators,
    RoleSettings,
    RowFilters,
    ExtensionPreload,
    ExtensionCreation,
    TargetSubscription,
    TablespaceMap,
    EmptyTarget,
    RoleAttributes,
    PasswordMethod,
    PasswordLogging,
    TargetIndexesValid,
    RoleMemberships,
    RoleExpired,
    TargetTempFiles,
    NondeterministicKeys,
    OtherTools,
    ClearText,
    TlsVerification,
    PrivateAddress,
    PublicAddress,
    TargetTemplates,
    LargeTransactions,
    CatalogGrants,
    UserMappingSecrets,
    BackgroundJobs,
)
