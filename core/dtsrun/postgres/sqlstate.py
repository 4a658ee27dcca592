"""What to do about an error of the server: one table from SQLSTATE to reaction.

Source: appendix A of the PostgreSQL manual, "PostgreSQL Error Codes".
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import psycopg


class Reaction(StrEnum):
    """What the engine does."""

    RETRY = "retry"
    """Transient: again, after a pause, within `task.retry`."""
    SNAPSHOT_LOST = "snapshot lost"
    """The epoch is over: again, in a new snapshot."""
    PRIVILEGE = "privilege"
    """An account lacks a right: fail, and say which."""
    FAIL = "fail"


REACTIONS: Final[dict[str, Reaction]] = {
    # The server reports the other connection exceptions (08001 ...) of a foreign server that it could not reach itself.
    "08P01": Reaction.RETRY,  # protocol violation: a pooler lost its server
    "40": Reaction.RETRY,  # transaction rollback: serialization failure, deadlock
    "53": Reaction.RETRY,  # insufficient resources: too many connections, disk full, out of memory
    "57P01": Reaction.RETRY,  # admin shutdown
    "57P02": Reaction.RETRY,  # crash shutdown
    "57P03": Reaction.RETRY,  # cannot connect now
    "57P05": Reaction.RETRY,  # idle session timeout
    "55P03": Reaction.RETRY,  # lock not available
    "55006": Reaction.RETRY,  # object in use
    "25P03": Reaction.RETRY,  # idle in transaction session timeout
    "25P04": Reaction.RETRY,  # transaction timeout
    "58030": Reaction.RETRY,  # io error
    "42501": Reaction.PRIVILEGE,
    "28": Reaction.PRIVILEGE,
}
"""By SQLSTATE, or by its class (the first two characters)."""

REFUSALS: Final = (
    "authentication failed",
    "no password supplied",
    "no pg_hba.conf entry",
    "permission denied for database",
    '" does not exist',
    # TLS: the manual, 32.19; OpenSSL's words for what it does not like about a certificate.
    "certificate verify failed",
    "does not match host name",
    "does not support SSL",
    "channel binding",
    "root certificate file",
    "private key file",
    "valid client certificate",
    "alert unknown ca",
    "alert bad certificate",
    "alert certificate",
)
"""Words of a refused login that time does not heal."""


UNREACHED: Final = ("connection failed", "connection timeout", "connection to server")
"""Words of psycopg and libpq for a connection that was never made."""


class SnapshotLost(Exception):
    """The exported snapshot that a session was to join is gone."""


def reaction(error: BaseException) -> Reaction:
    """Return what to do about an error."""
    if isinstance(error, SnapshotLost):
        return Reaction.SNAPSHOT_LOST
    if not isinstance(error, psycopg.Error):
        return Reaction.FAIL
    code = error.sqlstate
    if code is None:
        return _reaction_to_broken_link(error)
    return REACTIONS.get(code) or REACTIONS.get(code[:2], Reaction.FAIL)


def _reaction_to_broken_link(error: psycopg.Error) -> Reaction:
    """libpq noticed it, not the server: the connection broke, or was never made.

    psycopg drops the SQLSTATE of a refused login, so that its words have to do; those of a server that speaks another
    language are retried, which costs time alone.
    """
    if not isinstance(error, psycopg.OperationalError):
        return Reaction.FAIL
    said = str(error)
    return Reaction.FAIL if any(words in said for words in REFUSALS) else Reaction.RETRY


def is_unreached(error: BaseException) -> bool:
    """Tell whether no connection was made, and time may heal it; a connection that broke is another matter."""
    if not isinstance(error, psycopg.OperationalError) or reaction(error) is not Reaction.RETRY:
        return False
    return error.sqlstate is None and any(words in str(error) for words in UNREACHED)


def describe(error: BaseException) -> str:
    """Return an error in one line: the server's words, its detail and SQLSTATE."""
    if not isinstance(error, psycopg.Error) or error.sqlstate is None:
        return " ".join(str(error).split()) or type(error).__name__
    parts = [error.diag.message_primary or str(error)]
    if error.diag.message_detail:
        parts.append(error.diag.message_detail)
    if error.diag.context:
        parts.append(error.diag.context.splitlines()[0])
    return f"{'; '.join(' '.join(part.split()) for part in parts)} (SQLSTATE {error.sqlstate})"
