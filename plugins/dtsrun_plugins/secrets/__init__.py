"""Kinds of reference to a password."""

from dtsrun.api import Secret
from dtsrun_plugins.secrets.command import CommandSecret
from dtsrun_plugins.secrets.env import EnvSecret
from dtsrun_plugins.secrets.file import FileSecret

PLUGINS: tuple[type[Secret], ...] = (CommandSecret, EnvSecret, FileSecret)
