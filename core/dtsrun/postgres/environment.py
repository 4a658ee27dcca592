"""What of our own environment a program of PostgreSQL gets: what it needs, and no secrets of others.

A spec may have its passwords in environment variables, those of the other end among them, and an environment can be
read: from `/proc`, in a core dump, and by whoever may run programs through a server that we started.
"""

from __future__ import annotations

import os
from typing import Final

_SYSTEM: Final = frozenset(
    {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TZ", "LANG", "LANGUAGE", "TERM"}
    | {"LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH", "OPENSSL_CONF", "OPENSSL_MODULES"}
)
_PREFIXES: Final = ("LC_", "SSL_CERT_", "KRB5", "XDG_")

# By name, not all that begins with PG: a spec may well have its password in PG_SOURCE_PASSWORD. The list is that of the
# manual of version 18, "Environment Variables" of libpq.
_LIBPQ: Final = frozenset(
    {"PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGUSER", "PGPASSWORD", "PGPASSFILE", "PGSERVICE", "PGSERVICEFILE"}
    | {"PGREQUIREAUTH", "PGCHANNELBINDING", "PGOPTIONS", "PGAPPNAME", "PGREQUIREPEER", "PGCLIENTENCODING"}
    | {"PGSSLMODE", "PGREQUIRESSL", "PGSSLNEGOTIATION", "PGSSLCOMPRESSION", "PGSSLCERT", "PGSSLKEY", "PGSSLCERTMODE"}
    | {"PGSSLROOTCERT", "PGSSLCRL", "PGSSLCRLDIR", "PGSSLSNI", "PGSSLMINPROTOCOLVERSION", "PGSSLMAXPROTOCOLVERSION"}
    | {"PGGSSENCMODE", "PGKRBSRVNAME", "PGGSSLIB", "PGGSSDELEGATION", "PGMINPROTOCOLVERSION", "PGMAXPROTOCOLVERSION"}
    | {"PGCONNECT_TIMEOUT", "PGTARGETSESSIONATTRS", "PGLOADBALANCEHOSTS"}
    | {"PGDATESTYLE", "PGTZ", "PGGEQO", "PGSYSCONFDIR", "PGLOCALEDIR"}
)
_NAMES: Final = _SYSTEM | _LIBPQ


def inherited() -> dict[str, str]:
    """Return the variables that are about the system, about PostgreSQL, or about how it authenticates."""
    return {name: value for name, value in os.environ.items() if name in _NAMES or name.startswith(_PREFIXES)}
