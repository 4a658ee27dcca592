"""A secret from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from dtsrun.api import AccessContext, Secret
from dtsrun.errors import AccessError

MAX_BYTES: Final = 64 * 1024


class FileSecret(Secret):
    """A secret from a file

    What it does
    ------------
    Takes the password from a file, at the moment when a connection is opened. One line break at the end, which editors
    add, is left out; everything else counts.

    Why it matters
    --------------
    Container platforms and secret stores hand out secrets as files (`/run/secrets/...`), and a file can be readable by
    one user alone.

    Spec
    ----
    `file`: the path; a relative one starts at the folder of the spec.

    Needs
    -----
    The file must be readable, not empty, UTF-8, and at most 64 kB.

    Example
    -------
    `password: {file: /run/secrets/target}`

    Limits
    ------
    The file's mode is not judged: mounted secrets are often readable by all inside of their container. Elsewhere,
    `chmod 600` is yours to do.
    """

    name = "secret.file"
    options = {
        "description": "Path of a file; a relative one starts at the folder of the spec.",
        "type": "string",
        "minLength": 1,
        "examples": ["/run/secrets/target"],
    }

    def resolve(self, value: Any, context: AccessContext) -> str:
        """Return the file's content without its last line break."""
        secret = _content(context.spec_folder / value)
        secret = secret.removesuffix("\n").removesuffix("\r")
        if not secret:
            raise AccessError(f"the secret file {value} is empty")
        return secret


def _content(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "not a path"
        raise AccessError(f"the secret file {file} cannot be read: {reason.lower()}") from error
    if len(data) > MAX_BYTES:
        raise AccessError(f"the secret file {file} is larger than {MAX_BYTES // 1024} kB")
    return _decoded(data, file)


def _decoded(data: bytes, file: Path) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        # The cause would carry the content with it.
        raise AccessError(f"the secret file {file} is not UTF-8") from None
