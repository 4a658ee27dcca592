"""Why TLS failed: libpq says `certificate verify failed` and no more, so the certificate is judged here once more.

The judgement is made in a connection of its own, with the authorities and lists of revoked certificates of the route,
and ends before any login: no password is sent.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from dtsrun.api.routes import ProbeCause
from dtsrun.postgres.login import SSL_REQUEST

UNVERIFIED: Final = "certificate verify failed"
"""libpq's words, whatever is wrong with the server's certificate except its name."""

Verdict = tuple[ProbeCause, str]
"""A cause, and what to do about it."""

_AUTHORITY: Final = (
    "name the authority that signed it in access.tls.root_cert; if it should be the one, another answers"
)

# X509_V_ERR_* of OpenSSL's x509_vfy.h.
_OF_CODE: Final[Mapping[int, Verdict]] = {
    9: ("tls_expired", "the certificate is not valid yet: check the clocks of this machine and of the server"),
    10: ("tls_expired", "the certificate has expired: have it renewed on the server, and check this machine's clock"),
    12: ("tls", "the list of revoked certificates has expired: fetch a new one for access.tls.crl"),
    3: ("tls", "access.tls.crl holds no list of the authority that signed the certificate"),
    18: ("tls_authority", f"the certificate is signed by itself: {_AUTHORITY}"),
    19: ("tls_authority", f"the certificate is signed by an authority that is not trusted: {_AUTHORITY}"),
    20: ("tls_authority", f"the certificate is signed by an authority that is not trusted: {_AUTHORITY}"),
    21: ("tls_authority", f"the certificate is signed by an authority that is not trusted: {_AUTHORITY}"),
    7: ("tls_authority", f"the certificate is not signed by the authority that it names: {_AUTHORITY}"),
    23: ("tls_revoked", "the certificate was revoked: the server needs a new one; do not connect until it has it"),
    26: ("tls", "the certificate is not one for servers: have another issued"),
}

# Words of libpq and of OpenSSL's alerts, which a server sends about our own certificate.
_OF_WORDS: Final[tuple[tuple[str, Verdict], ...]] = (
    (
        "does not match host name",
        (
            "tls_host",
            "connect by a name that the certificate has, or have one issued for this name: another may answer",
        ),
    ),
    (
        "server does not support SSL",
        ("tls_unsupported", "switch TLS on in the server (ssl = on), or ask for less in access.tls.mode"),
    ),
    ("channel binding", ("channel_binding", "it takes a SCRAM password, TLS and server 11 or later")),
    ("group or world access", ("tls_client", "chmod 600 the file of access.tls.key")),
    (
        r"alert (certificate revoked|revoked certificate)",
        ("tls_client", "the server's list of revoked certificates holds our own: have another issued"),
    ),
    (r"alert (certificate expired|expired certificate)", ("tls_client", "our own certificate has expired: renew it")),
    (
        r"alert (unknown ca|bad certificate|certificate unknown|certificate required|decrypt error)",
        ("tls_client", "the server does not trust our own certificate: check access.tls.cert, and its ssl_ca_file"),
    ),
    (
        "valid client certificate|certificate authentication failed",
        ("tls_client", "set access.tls.cert and access.tls.key: a certificate for this account that the server trusts"),
    ),
    ("root certificate|sslrootcert", ("tls", "name the authority's certificate in access.tls.root_cert")),
    (
        "bad decrypt|bad password|problems getting password",
        ("tls_client", "the key's passphrase is not right, or is missing: check access.tls.key_password"),
    ),
    (
        "could not load (private key|certificate)|private key file|certificate file|key values mismatch",
        ("tls_client", "check the files of access.tls.cert and access.tls.key, and that they belong together"),
    ),
    (
        "unsupported protocol|protocol version|no protocols available",
        ("tls", "server and client share no version of TLS: the server's ssl_min_protocol_version, or an old server"),
    ),
)


def verdict_of_words(message: str) -> Verdict | None:
    """Return what a message of libpq about TLS means; None for other messages."""
    return next((verdict for words, verdict in _OF_WORDS if re.search(words, message)), None)


def judge(address: tuple[str, int], parameters: Mapping[str, str], *, seconds: float) -> Verdict | None:
    """Return what is wrong with a server's certificate by the route's own files; None where nothing is found."""
    try:
        context = _context(parameters)
        with socket.create_connection(address, timeout=seconds) as plain:
            plain.sendall(SSL_REQUEST)
            if plain.recv(1) == b"S":
                context.wrap_socket(plain).close()
    except ssl.SSLCertVerificationError as error:
        return _OF_CODE.get(error.verify_code, ("tls", f"the certificate is refused: {error.verify_message}"))
    except (OSError, ValueError):
        return None
    return None


def _context(parameters: Mapping[str, str]) -> ssl.SSLContext:
    """Return what verifies as libpq does, the name apart, on which libpq has words of its own."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    own = Path.home() / ".postgresql"
    root = parameters.get("sslrootcert", str(own / "root.crt"))
    if root == "system":
        context.load_default_certs()
    else:
        context.load_verify_locations(root)
    crl = parameters.get("sslcrl") or (str(own / "root.crl") if (own / "root.crl").exists() else None)
    folder = parameters.get("sslcrldir")
    if crl or folder:
        context.load_verify_locations(crl, folder)
        context.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_CHAIN
    return context
