"""Ways to carry the changes of a source in use."""

from __future__ import annotations

from dtsrun.api import Engine
from dtsrun_plugins.engines.stream import Stream
from dtsrun_plugins.engines.subscription import Subscription

PLUGINS: tuple[type[Engine], ...] = (Subscription, Stream)
