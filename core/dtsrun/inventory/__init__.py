"""What the source holds and what of it the spec selects.

`read_inventory` gives all of it; `dump_entries` the definitions of one database of either end, `read_server_facts` what
a server says of itself, and `matches` is how patterns of the spec are understood.
"""

from dtsrun.inventory.dump import dump_entries
from dtsrun.inventory.facts import read_server_facts
from dtsrun.inventory.patterns import matches
from dtsrun.inventory.read import read_inventory

__all__ = ["dump_entries", "matches", "read_inventory", "read_server_facts"]
