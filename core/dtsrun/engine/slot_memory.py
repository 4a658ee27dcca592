"""What a task remembers of its slots, so that one that was made anew by somebody else is told from its own.

The journal keeps it: a slot may be lost while no runner looks. A runner that looks remembers more than it writes down:
the counts of a slot that was made anew soon pass those of the one before, so that the last look has to be a recent one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

from dtsrun.api import Connection
from dtsrun.journal import Journal
from dtsrun.watch.continuity import SlotState, read_states, why_broken

SAVE_SECONDS: Final = 2.0
"""How often it is written down how slots stand that move on."""


class SlotMemory:
    """How the slots of a task stood when they were last looked at."""

    def __init__(self, journal: Journal, task: str) -> None:
        self._journal = journal
        self._task = task
        self._seen: dict[str, SlotState] = {}
        """How slots stood at the last look, where that is not written down."""
        self._save_again = 0.0

    def made(self, source: Connection, names: Sequence[str]) -> None:
        """Remember slots that were just made, and that nobody reads yet."""
        known = self._known()
        for name, state in read_states(source, names).items():
            self._seen.pop(name, None)
            known[name] = _entry(state, is_still=True)
        self._save(known)

    def broken(
        self, source: Connection, names: Collection[str], most: Callable[[str], int | None]
    ) -> Mapping[str, str]:
        """Return which slots no longer hold all that their links lack, and why; remember how the others stand.

        What was found broken stays so until it is made anew or forgotten.

        Args:
            most: position up to which the engine may have confirmed a slot by now; None: it cannot say.
        """
        known = self._known()
        # Before the engine is asked: whatever it confirms, it knew of it then.
        states = read_states(source, sorted(names))
        found: dict[str, str] = {}
        for name, state in states.items():
            entry = known.get(name, {})
            before = self._seen.get(name) or _state(entry)
            why = entry.get("broken") or why_broken(state, before, _most(entry, most(name)))
            if why is not None:
                found[name] = why
                known[name] = {**entry, "broken": why}
                self._seen.pop(name, None)
            else:
                self._seen[name] = state
        if found or time.monotonic() >= self._save_again:
            self._write_down(known)
        return found

    def _write_down(self, known: dict[str, dict[str, Any]]) -> None:
        for name, state in self._seen.items():
            known[name] = _entry(state, is_still=known.get(name, {}).get("is_still", False))
        self._seen.clear()
        self._save_again = time.monotonic() + SAVE_SECONDS
        self._save(known)

    def rests(self, source: Connection, names: Collection[str]) -> None:
        """Remember that the engine has stopped reading slots: from here on they do not move."""
        known = self._known()
        for name, state in read_states(source, sorted(names)).items():
            self._seen.pop(name, None)
            if not known.get(name, {}).get("broken") and not state.is_active:
                known[name] = _entry(state, is_still=True)
        self._save(known)

    def moves(self, name: str) -> None:
        """Remember that the engine is about to read a slot."""
        known = self._known()
        if known.get(name, {}).get("is_still"):
            known[name] = {**known[name], "is_still": False}
            self._save(known)

    def forget(self, name: str) -> None:
        """Forget a slot that is dropped."""
        known = self._known()
        self._seen.pop(name, None)
        if known.pop(name, None) is not None:
            self._save(known)

    def _known(self) -> dict[str, dict[str, Any]]:
        task = self._journal.task(self._task)
        return dict(task.summary.get("slots", {})) if task else {}

    def _save(self, known: Mapping[str, Any]) -> None:
        if known != self._known():
            self._journal.set_summary(self._task, slots=known)


def _entry(state: SlotState, *, is_still: bool) -> dict[str, Any]:
    return {"state": state.as_data(), "is_still": is_still}


def _state(entry: Mapping[str, Any]) -> SlotState | None:
    return SlotState(**entry["state"]) if "state" in entry else None


def _most(entry: Mapping[str, Any], said: int | None) -> int | None:
    """Return the furthest position that the slot may stand at: what the engine says, else where it came to rest."""
    state = _state(entry)
    return state.confirmed if said is None and state is not None and entry.get("is_still") else said
