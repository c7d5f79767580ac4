"""What TLS tells of a client: the fingerprint by which its certificate is known, and the version spoken."""

from typing import Any

from twisted.internet.interfaces import ISSLTransport

from chatd.fingerprint import fingerprint


def fingerprint_of(transport: object) -> str:
    """Return the fingerprint of the certificate that the peer has shown and that was verified, or nothing."""
    if not ISSLTransport.providedBy(transport):
        return ""
    shown: Any = transport.getPeerCertificate()
    return "" if shown is None else fingerprint(shown.to_cryptography())


def version_of(transport: object) -> str:
    """Return the version of TLS that is spoken; nothing for plain text."""
    if not ISSLTransport.providedBy(transport):
        return ""
    handle: Any = transport.getHandle()  # type: ignore[attr-defined]
    return str(handle.get_protocol_version_name()) if hasattr(handle, "get_protocol_version_name") else "TLS"
