"""Explains to operators why a TLS handshake failed."""

from typing import Final

from OpenSSL import SSL
from twisted.python.failure import Failure

from chatd.wire.foreign import HEAD, foreign

EXPECTED: Final = "tls-expected"
NOT_TRUSTED: Final = "tls-certificate-refused"
NO_CERTIFICATE: Final = "tls-certificate-missing"
CLIENT_REFUSED: Final = "tls-client-refused"
FAILED: Final = "tls-failed"

PLAIN_TEXT: Final = "Plain text came where TLS is spoken; the client is to use tls://."

_JSON: Final = b"{"

_PLAIN: Final = ("http request", "https proxy request", "wrong version number", "unknown protocol")
"""OpenSSL's words for plain text, if it meets it before us."""

_VERDICTS: Final = {
    "certificate expired": "it has expired, or a clock is wrong",
    "unknown ca": "the authority that signed it is not trusted there; name it with --ca",
    "bad certificate": "it is not acceptable there, or damaged",
    "unsupported certificate": "its kind is not known there",
    "certificate revoked": "it was revoked",
    "certificate unknown": "it is not for the name that was asked for, or not acceptable there",
    "internal error": "it is probably not for the name that was asked for",
    "access denied": "it is not acceptable there",
}
"""The alerts (RFC 8446, section 6.2) by which a peer refuses our certificate.

OpenSSL says ``internal error`` where the program itself refuses it, mostly for its name, as chatc does.
"""


def why_failed(failure: Failure) -> tuple[str, str] | None:
    """Return code and sentence if ``failure`` is that of a handshake; else None."""
    if not isinstance(failure.value, SSL.Error):
        return None
    reasons = _reasons(failure.value)
    if any(reason in _PLAIN for reason in reasons):
        return EXPECTED, plain_text(b"GET " if reasons[0].startswith("http") else b"")
    if "peer did not return a certificate" in reasons:
        return NO_CERTIFICATE, "The client showed no certificate, and this listener requires one."
    if "certificate verify failed" in reasons:
        return CLIENT_REFUSED, (
            "The certificate of the client is not accepted: it has expired, or was not signed by an authority"
            " in client_ca."
        )
    said = next((reason.partition(" alert ")[2] for reason in reasons if " alert " in reason), "")
    if said in _VERDICTS:
        return NOT_TRUSTED, f"The client refuses the certificate of this listener: {_VERDICTS[said]}."
    why = f"the client says: {said}" if said else ", ".join(reasons) or "no reason given"
    return FAILED, f"The TLS handshake failed: {why}."


def plain_text(data: bytes) -> str:
    """Return the sentence about a peer that began with ``data``, which is not TLS."""
    known = None if data.startswith(_JSON) else foreign(data[:HEAD])
    return known or PLAIN_TEXT


def _reasons(error: SSL.Error) -> list[str]:
    queue = error.args[0] if error.args else ()
    if not isinstance(queue, list | tuple):
        return []
    return [entry[2] for entry in queue if len(entry) > 2 and entry[2]]  # noqa: PLR2004 - (lib, function, reason)
