"""Who runs a private server: PostgreSQL refuses to run as root, so for root it is an unprivileged account.

That account must be able to walk to the binaries and to the data. Where it is not (a virtual environment below
`/root`, say), copies and data go to `system_folder()`, which everyone may enter and only root may change.
"""

from __future__ import annotations

import os
import pwd
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import platformdirs

from dtsrun.errors import AccessError

CANDIDATES: Final = ("postgres", "nobody")
SYSTEM_FOLDER: Final = Path("/var/lib/dtsrun")


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """The account that server processes run as."""

    name: str
    uid: int
    gid: int
    groups: frozenset[int]

    @property
    def is_other(self) -> bool:
        """Whether it is another account than our own, so that processes must be started as it."""
        return self.uid != os.geteuid()

    def process_options(self) -> dict[str, Any]:
        """Return what makes `subprocess` run a program as this account."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.is_other else {}

    def own(self, path: Path | int) -> None:
        """Give a file or folder of ours, or an open file, to the account."""
        if self.is_other:
            os.chown(path, self.uid, self.gid)

    def can_enter(self, folder: Path) -> bool:
        """Return whether the account may walk to a folder and read what it holds."""
        if not self.is_other:
            return os.access(folder, os.R_OK | os.X_OK)
        if not all(self._may(parent, 0o1) for parent in folder.absolute().parents):
            return False
        return self._may(folder, 0o5)

    def can_pass(self, folder: Path) -> bool:
        """Return whether the account may walk through a folder to what lies in it."""
        path = folder.absolute()
        return not self.is_other or all(self._may(place, 0o1) for place in (path, *path.parents))

    def _may(self, path: Path, wanted: int) -> bool:
        seen = path.stat()
        shift = 6 if seen.st_uid == self.uid else 3 if seen.st_gid in self.groups else 0
        return (seen.st_mode >> shift) & wanted == wanted


def server_account() -> Account:
    """Return the account that private servers run as: our own, or for root an unprivileged one.

    Raises:
        AccessError: we are root and the machine has no such account.
    """
    if os.geteuid() != 0:
        return _account(pwd.getpwuid(os.geteuid()) if _has_entry(os.geteuid()) else None)
    for name in CANDIDATES:
        try:
            return _account(pwd.getpwnam(name))
        except KeyError:
            continue
    raise AccessError(
        f"a private server cannot run as root, and there is no account {' or '.join(CANDIDATES)} on this machine",
        hint="run dtsrun as an ordinary user, or create one of these accounts",
    )


def system_folder() -> Path:
    """Return where installations and data lie that the server's account must reach.

    For an ordinary user that is the user's own cache; for root a machine-wide folder.

    Raises:
        AccessError: it cannot be made, or someone else could change what is in it.
    """
    if os.geteuid() != 0:
        return Path(platformdirs.user_cache_dir("dtsrun"))
    try:
        SYSTEM_FOLDER.mkdir(mode=0o755, exist_ok=True)
        chosen = SYSTEM_FOLDER
    except OSError:
        # A container with a read-only root file system still has a temporary folder.
        chosen = Path(tempfile.gettempdir()) / "dtsrun-root"
        chosen.mkdir(mode=0o755, exist_ok=True)
    _refuse_foreign(chosen)
    chosen.chmod(0o755)
    return chosen


def _refuse_foreign(folder: Path) -> None:
    seen = folder.lstat()
    if not stat.S_ISDIR(seen.st_mode) or seen.st_uid != os.geteuid():
        raise AccessError(
            f"the folder {folder} is not ours, so nothing can be trusted to lie in it",
            hint=f"remove it or give it to the account {os.geteuid()}",
        )


def _has_entry(uid: int) -> bool:
    # In containers a process often runs under a number that the password file does not know.
    return any(entry.pw_uid == uid for entry in pwd.getpwall())


def _account(entry: pwd.struct_passwd | None) -> Account:
    if entry is None:
        uid, gid = os.geteuid(), os.getegid()
        return Account(name=str(uid), uid=uid, gid=gid, groups=frozenset({gid}))
    groups = frozenset(os.getgrouplist(entry.pw_name, entry.pw_gid))
    return Account(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid, groups=groups)
