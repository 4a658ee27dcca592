"""Names of what a task makes on both servers. The same task, database and epoch always give the same name."""

from __future__ import annotations

import hashlib
import re
from typing import Final

PREFIX: Final = "dtsrun_"
INSERTS: Final = "_i"
"""Ends the name of the publication of tables of which only inserts are followed."""

_LONGEST_WORD: Final = 24

_OWN: Final = re.compile(rf"{PREFIX}[a-z0-9_]*_[0-9a-f]{{8}}_\d+(_\d+)?({INSERTS})?")


def link_name(task: str, database: str, epoch: int, group: int = 0) -> str:
    """Return the name of a slot, its publication and its subscription: `[a-z0-9_]`, at most 63 characters.

    The digest keeps tasks and databases apart whose names differ only in what a slot's name cannot hold.
    """
    return f"{family_name(task, database)}_{epoch}" + (f"_{group}" if group else "")


def is_own_name(name: str) -> bool:
    """Tell whether a publication or subscription is one that a task made for itself."""
    return _OWN.fullmatch(name) is not None


def family_name(task: str, database: str) -> str:
    """Return what the names of all links of a task in a database begin with."""
    word = re.sub(r"[^a-z0-9]+", "_", task.lower()).strip("_")[:_LONGEST_WORD]
    digest = hashlib.sha256(f"{task}\0{database}".encode()).hexdigest()[:8]
    return f"{PREFIX}{word}_{digest}"
