"""Acme's plugins for dtsrun."""

from dtsrun.api import AccessType, Precheck, hookimpl
from dtsrun_acme.acme_env import AcmeEnv
from dtsrun_acme.table_names import AcmeTableNames


@hookimpl
def dtsrun_prechecks() -> tuple[type[Precheck], ...]:
    """Acme's checks."""
    return (AcmeTableNames,)


@hookimpl
def dtsrun_access_types() -> tuple[type[AccessType], ...]:
    """Acme's ways to reach a server."""
    return (AcmeEnv,)
