"""What a run costs: wall time, processor time of the client and of both servers, and the client's largest memory."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """Of one run, in seconds and bytes."""

    wall: float
    client_cpu: float
    source_cpu: float
    target_cpu: float
    client_memory: int
    failure: str | None = None

    def as_json(self) -> Mapping[str, Any]:
        """Return it for the output file."""
        return asdict(self)


def server_cpu(postmaster: int) -> float:
    """Return the processor time of a server since it began: its processes', and those that have ended."""
    ticks = sum(_ticks(postmaster, of_ended=True))
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and _parent(entry.name) == postmaster:
            ticks += sum(_ticks(int(entry.name), of_ended=False))
    return ticks / TICKS


def run(command: Sequence[str | Path], environment: Mapping[str, str], servers: tuple[int, int]) -> Cost:
    """Run a command to its end and return what it cost, its children included."""
    before = [server_cpu(pid) for pid in servers]
    started = time.monotonic()
    log = Path(environment["BENCH_LOG"])
    with log.open("wb") as said:
        process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - started
    source, target = (server_cpu(pid) - earlier for pid, earlier in zip(servers, before, strict=True))
    return Cost(
        wall=wall,
        client_cpu=used.ru_utime + used.ru_stime,
        source_cpu=source,
        target_cpu=target,
        client_memory=used.ru_maxrss * 1024,
        failure=_last_words(log) if process.returncode else None,
    )


def _last_words(log: Path) -> str:
    return " / ".join(log.read_text(errors="replace").strip().splitlines()[-6:]) or "failed without a word"


def _fields(pid: int | str) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []  # it has ended; its time is its parent's now


def _parent(pid: str) -> int:
    fields = _fields(pid)
    return int(fields[1]) if fields else 0


def _ticks(pid: int, *, of_ended: bool) -> list[int]:
    fields = _fields(pid)
    return [int(field) for field in fields[11 : 15 if of_ended else 13]]
