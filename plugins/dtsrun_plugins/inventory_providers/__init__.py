"""What knows the addresses of instances."""

from dtsrun.api import InventoryProvider
from dtsrun_plugins.inventory_providers.file import FileInventory

PLUGINS: tuple[type[InventoryProvider], ...] = (FileInventory,)
