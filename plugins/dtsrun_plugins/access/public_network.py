"""Access type `public_network`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from dtsrun.api import AccessContext, AccessType, Endpoint, Route
from dtsrun.postgres.network import HOST, PORT, tcp_options, tcp_route

MODE: Final = "verify-full"


class PublicNetwork(AccessType):
    """A server at a host name and port

    What it does
    ------------
    Connects by TCP to a host and port, over TLS with the server's certificate and name verified, unless the spec asks
    for less. Keepalives notice a peer that is gone without a word.

    Why it matters
    --------------
    The way over the internet is the one where somebody else may listen or answer: any TLS mode below `verify-full`
    lets them.

    Spec
    ----
    `host`: name or address. `port`: 5432 if left out. `tls.mode`: libpq's sslmode, `verify-full` if left out.
    `tls.root_cert`: the authorities that may have signed the server's certificate; left out,
    `~/.postgresql/root.crt` if there is one, else those that this machine trusts. `tls.cert` and `tls.key`: our own
    certificate, where the server asks for it; `tls.key_password`: a reference to the key's passphrase. `tls.crl`:
    revoked certificates, a file or a folder. `tls.channel_binding`: `require` refuses a server that cannot prove
    that it has the password too. Files are relative to the spec's folder. `connect_timeout`: seconds for each
    attempt. `keepalives`: seconds of silence before the first probe (`idle`) and between probes (`interval`), and
    how many may be lost (`count`). `peer`: how the other server reaches this one, where that is not by the same
    address: `host`, `port`, `mode`, `root_cert`, `cert`, `key` and `crl` (files on that server), or `none`.

    Needs
    -----
    A pg_hba.conf of the server that lets this machine in, and firewalls that do.

    Example
    -------
        source:
          type: postgresql
          access: {type: public_network, host: db.example.com, tls: {mode: verify-full, root_cert: ca.pem}}
          account: migrator
          password: {env: SOURCE_PASSWORD}

    Limits
    ------
    One host. The other server, where it connects to this one itself,
    uses the certificates on its own disk. Private addresses and modes below `verify-full` are alarms of the prechecks.
    """

    name = "access.public_network"
    options = {
        "properties": {"host": HOST, "port": {**PORT, "default": 5432}, **tcp_options(mode=MODE)},
        "required": ["host"],
    }

    @contextmanager
    def open(self, endpoint: Endpoint, context: AccessContext) -> Iterator[Route]:
        """Give the route; there is nothing to hold open."""
        host, port = str(endpoint.access["host"]), int(endpoint.access.get("port", 5432))
        yield tcp_route(endpoint, context, host=host, port=port, mode=MODE, network="public")
