"""Ways to reach a server."""

from dtsrun.api import AccessType
from dtsrun_plugins.access.embedded import Embedded
from dtsrun_plugins.access.public_network import PublicNetwork
from dtsrun_plugins.access.service import Service

PLUGINS: tuple[type[AccessType], ...] = (Embedded, PublicNetwork, Service)
