"""Secrets are resolved late: at the moment when a route is opened, and never stored."""

from __future__ import annotations

from dtsrun.api import AccessContext, SecretReference
from dtsrun.errors import PluginError
from dtsrun.spec.schema import KnownPlugins

PLAIN = "plain"
"""Kind of a reference that holds the secret itself, since the spec does."""


def resolve(reference: SecretReference, registry: KnownPlugins, context: AccessContext) -> str:
    """Return the secret behind a reference.

    Raises:
        AccessError: there is none to be had.
        PluginError: no plugin knows this kind of reference.
    """
    if reference.kind == PLAIN:
        return str(reference.value)
    for secret in registry.secrets:
        if secret.short_name == reference.kind:
            return secret.resolve(reference.value, context)
    raise PluginError(f"no plugin resolves secrets of the kind {reference.kind}", hint="see `dtsrun plugins`")
