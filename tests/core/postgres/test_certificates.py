"""Messages of libpq and OpenSSL about TLS, of several versions, each to its cause."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from dtsrun.postgres.certificates import judge, verdict_of_words


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        ('server certificate for "db" (and 1 other name) does not match host name "other"', "tls_host"),
        ("server does not support SSL, but SSL was required", "tls_unsupported"),
        (
            "channel binding is required, but server did not offer an authentication method that supports it",
            "channel_binding",
        ),
        ("channel binding required, but SSL not in use", "channel_binding"),
        ('root certificate file "/root/.postgresql/root.crt" does not exist', "tls"),
        ('private key file "/tmp/me.key" has group or world access; permissions should be u=rw (0600)', "tls_client"),
        ('certificate present, but not private key file "/tmp/me.key"', "tls_client"),
        ('could not load private key file "me.key": bad decrypt', "tls_client"),
        ('could not load private key file "me.key": key values mismatch', "tls_client"),
        ("SSL error: tlsv1 alert unknown ca", "tls_client"),
        ("SSL error: ssl/tls alert unknown ca", "tls_client"),
        ("SSL error: sslv3 alert certificate expired", "tls_client"),
        ("SSL error: sslv3 alert certificate revoked", "tls_client"),
        ("SSL error: sslv3 alert bad certificate", "tls_client"),
        ("connection requires a valid client certificate", "tls_client"),
        ('certificate authentication failed for user "shop"', "tls_client"),
        ("SSL error: unsupported protocol", "tls"),
        ("SSL error: tlsv1 alert protocol version", "tls"),
    ],
)
def test_each_has_its_cause_and_a_remedy(message: str, cause: str) -> None:
    verdict = verdict_of_words(message)
    assert verdict is not None
    assert verdict[0] == cause
    assert verdict[1]


@pytest.mark.parametrize(
    "message",
    [
        'password authentication failed for user "shop"',
        'database "certificates" does not exist',
        "no answer within 15 s",
    ],
)
def test_other_messages_are_none_of_it(message: str) -> None:
    assert verdict_of_words(message) is None


@pytest.fixture
def silent() -> Iterator[tuple[str, int]]:
    """A server that says no to TLS, then nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            near, _ = listening.accept()
            with near:
                near.recv(8)
                near.sendall(b"N")

        thread = threading.Thread(target=answer)
        thread.start()
        yield listening.getsockname()
        thread.join()


def test_where_nothing_can_be_judged_nothing_is_said(silent: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    assert judge(silent, {"sslrootcert": "system"}, seconds=2) is None
    assert judge(("127.0.0.1", 1), {"sslrootcert": "system"}, seconds=2) is None
    assert judge(("127.0.0.1", 1), {"sslrootcert": "/no/such/file"}, seconds=2) is None
