"""Certificates for tests of TLS: an authority that issues, lets expire and revokes.

    authority = Authority("shop")
    server = authority.issue("localhost")
    authority.revoke(server)
    (folder / "root.crt").write_bytes(authority.certificate)
    (folder / "root.crl").write_bytes(authority.revoked())

Needs the package `cryptography`, which `pip install 'dtsrun[testing]'` brings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from dtsrun.postgres.accounts import server_account
from dtsrun.postgres.installations import installed_versions

DAYS: Final = 30
"""How long a certificate is valid: longer than any test takes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Issued:
    """A certificate and its key, as PEM."""

    certificate: bytes
    key: bytes
    serial: int


class Authority:
    """Signs certificates, and remembers which of them it has revoked."""

    def __init__(self, name: str = "authority") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        builder = _builder(self._name, self._key.public_key(), timedelta(days=DAYS))
        builder = builder.issuer_name(self._name)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self._certificate = builder.sign(self._key, hashes.SHA256())
        self._revoked: list[int] = []

    @property
    def certificate(self) -> bytes:
        """Its own certificate: what those trust who trust it."""
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    def issue(self, *names: str, valid_for: timedelta = timedelta(days=DAYS)) -> Issued:
        """Return a certificate for host names and addresses; the first is the common name, for an account its name.

        Args:
            valid_for: negative for one that has expired; it became valid some days before.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_name(names[0]), key.public_key(), valid_for).issuer_name(self._name)
        builder = builder.add_extension(x509.SubjectAlternativeName(list(map(_alternative, names))), critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        return Issued(
            certificate=certificate.public_bytes(serialization.Encoding.PEM),
            key=key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ),
            serial=certificate.serial_number,
        )

    def revoke(self, issued: Issued) -> None:
        """Revoke a certificate; lists that were made before do not know it."""
        self._revoked.append(issued.serial)

    def revoked(self) -> bytes:
        """Return the list of what is revoked by now, as PEM."""
        now = datetime.now(UTC)
        builder = x509.CertificateRevocationListBuilder().issuer_name(self._name)
        builder = builder.last_update(now - timedelta(hours=1)).next_update(now + timedelta(days=DAYS))
        for serial in self._revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now - timedelta(minutes=1))
            builder = builder.add_revoked_certificate(entry.build())
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def versions_that_encrypt() -> Sequence[int]:
    """Return the installed versions that were built with TLS, the oldest first; those of the embedded extra are not."""
    return sorted(
        v for v, folder in installed_versions().items() if b"SSL_CTX_new" in (folder / "postgres").read_bytes()
    )


def encrypted(folder: Path) -> dict[str, str]:
    """Return the settings of a private server that can encrypt, with a certificate for localhost made in a folder."""
    issued = Authority().issue("localhost")
    for name, content in (("server.crt", issued.certificate), ("server.key", issued.key)):
        path = folder / name
        path.write_bytes(content)
        path.chmod(0o600)
        server_account().own(path)
    return {"ssl": "on", "ssl_cert_file": str(folder / "server.crt"), "ssl_key_file": str(folder / "server.key")}


def _builder(name: x509.Name, key: ec.EllipticCurvePublicKey, valid_for: timedelta) -> x509.CertificateBuilder:
    until = datetime.now(UTC) + valid_for
    builder = x509.CertificateBuilder().subject_name(name).public_key(key)
    builder = builder.serial_number(x509.random_serial_number())
    return builder.not_valid_before(until - timedelta(days=2 * DAYS)).not_valid_after(until)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
