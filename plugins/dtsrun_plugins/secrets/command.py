"""A secret from a command's output."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from dtsrun.api import AccessContext, Secret
from dtsrun.errors import AccessError

TIMEOUT_SECONDS: Final = 60.0


class CommandSecret(Secret):
    """A secret from a command's output

    What it does
    ------------
    Runs a command, without a shell, at the moment when a connection is opened, and takes the password from its
    standard output. One line break at the end is left out.

    Why it matters
    --------------
    Every password store has a command line. So it can be asked without a plugin of its own.

    Spec
    ----
    `command`: a list, the program and its arguments. It runs in the folder of the spec, with dtsrun's environment and
    without standard input.

    Needs
    -----
    The program must be found on PATH, or by a path; it must end with status 0 within 60 seconds and print something.

    Example
    -------
    `password: {command: [pass, show, shop/source]}`

    Limits
    ------
    What the command says on standard error is not shown, since it may hold the secret: run it by hand to see it. It
    cannot ask anything. Arguments are visible to other users of the machine while it runs.
    """

    name = "secret.command"
    options = {
        "description": "A program and its arguments; no shell is involved.",
        "type": "array",
        "items": {"type": "string"},
        "minItems": 1,
        "examples": [["pass", "show", "shop/source"]],
    }

    timeout = TIMEOUT_SECONDS
    """Seconds that the command may take."""

    def resolve(self, value: Any, context: AccessContext) -> str:
        """Return what the command prints, without its last line break."""
        output = _output(value, context.spec_folder, self.timeout)
        try:
            secret = output.decode("utf-8").removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError:
            # The cause would carry the output with it.
            raise AccessError(f"the secret command {value[0]} printed something that is not UTF-8") from None
        if not secret:
            raise AccessError(f"the secret command {value[0]} printed nothing")
        return secret


def _output(argv: Sequence[str], folder: Path, timeout: float) -> bytes:
    with _started(argv, folder) as process:
        try:
            output, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            _end(process)
            raise AccessError(f"the secret command {argv[0]} did not end within {timeout:g} seconds") from None
        except BaseException:
            _end(process)
            raise
    if process.returncode:
        hint = "run it by hand to see what it says"
        raise AccessError(f"the secret command {argv[0]} ended with status {process.returncode}", hint=hint)
    return output


def _started(argv: Sequence[str], folder: Path) -> subprocess.Popen[bytes]:
    """Start the command in a session of its own, so that what it starts in turn can be ended with it."""
    try:
        return subprocess.Popen(
            argv,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "its arguments are not allowed"
        raise AccessError(f"the secret command {argv[0]} cannot be started: {reason.lower()}") from error


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
