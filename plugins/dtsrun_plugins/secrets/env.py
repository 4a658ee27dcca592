"""A secret from an environment variable."""

from __future__ import annotations

import os
from typing import Any

from dtsrun.api import AccessContext, Secret
from dtsrun.errors import AccessError


class EnvSecret(Secret):
    """A secret from an environment variable

    What it does
    ------------
    Takes the password from an environment variable of the process that runs dtsrun, at the moment when a connection
    is opened. The value is used as it stands, blanks included.

    Why it matters
    --------------
    The spec can be kept under version control and shared; the password stays with the scheduler or the shell.

    Spec
    ----
    `env`: the variable's name.

    Needs
    -----
    The variable must be set and not empty; otherwise the task stops before it connects.

    Example
    -------
    `password: {env: SHOP_SOURCE_PASSWORD}`

    Limits
    ------
    Other processes of the same user, and root, can read a process's environment.
    """

    name = "secret.env"
    options = {
        "description": "Name of an environment variable.",
        "type": "string",
        "pattern": "^[^=]+$",
        "patternErrorMessage": "the name of an environment variable",
        "examples": ["SHOP_SOURCE_PASSWORD"],
    }

    def resolve(self, value: Any, context: AccessContext) -> str:
        """Return the variable's value."""
        secret = os.environ.get(value)
        if not secret:
            problem = "is not set" if secret is None else "is empty"
            raise AccessError(f"the environment variable {value} {problem}", hint=f"export {value} before the run")
        return secret
