"""What knows the addresses of instances."""

from dtsrun.api import InventoryProvider
from dtsrun_plugins.inventory_providers.file import FileInventory
from dtsrun_plugins.inventory_providers.tencentcloud import TencentCloud

PLUGINS: tuple[type[InventoryProvider], ...] = (FileInventory, TencentCloud)
