"""The fingerprint by which the certificate of a client is known."""

from typing import Any

from twisted.internet.interfaces import ISSLTransport

from chatd.fingerprint import fingerprint


def fingerprint_of(transport: object) -> str:
    """Return the fingerprint of the certificate that the peer has shown and that was verified, or nothing."""
    if not ISSLTransport.providedBy(transport):
        return ""
    shown: Any = transport.getPeerCertificate()
    return "" if shown is None else fingerprint(shown.to_cryptography())
