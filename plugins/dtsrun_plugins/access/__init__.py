"""Ways to reach a server."""

from dtsrun.api import AccessType
from dtsrun_plugins.access.ccn import Ccn
from dtsrun_plugins.access.database import ManagedDatabase
from dtsrun_plugins.access.direct_connect import DirectConnect
from dtsrun_plugins.access.embedded import Embedded
from dtsrun_plugins.access.public_network import PublicNetwork
from dtsrun_plugins.access.self_build_cvm import SelfBuildCvm
from dtsrun_plugins.access.service import Service
from dtsrun_plugins.access.ssh import Ssh
from dtsrun_plugins.access.vpn import Vpn

PLUGINS: tuple[type[AccessType], ...] = (
    Ccn,
    DirectConnect,
    Embedded,
    ManagedDatabase,
    PublicNetwork,
    SelfBuildCvm,
    Service,
    Ssh,
    Vpn,
)
