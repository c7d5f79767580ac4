"""TLS to the server: the name is verified, and what is wrong with a certificate is named."""

from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL import SSL
from OpenSSL.crypto import X509
from OpenSSL.crypto import Error as CryptoError
from service_identity.hazmat import DNS_ID, IPAddress_ID, ServiceID, verify_service_identity
from service_identity.pyopenssl import extract_patterns
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.ssl import (
    Certificate,
    PrivateCertificate,
    optionsForClientTLS,
    platformTrust,
    trustRootFromCertificates,
)
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from chatd.client.core.address import Address
from chatd.client.core.problems import ClientError
from chatd.client.net.reasons import Ending
from chatd.client.net.security import Security
from chatd.client.net.tickets import Tickets
from chatd.fingerprint import fingerprint, in_words
from chatd.wire.frames import ALPN

_HTTP: Final = b"http/1.1"

_BEGIN: Final = b"-----BEGIN CERTIFICATE-----"

_NAME: Final = -1
"""The fault of a certificate that is right but for its name."""

_OTHER: Final = -2
"""The fault of a certificate that is not the one that is trusted there."""

UNKNOWN: Final = frozenset({18, 19, 20, 21})
"""The faults (OpenSSL's results) of certificates for which no authority vouches: a person may know them by
their fingerprint.
"""

_FAULTS: Final[dict[int, str]] = {
    _NAME: "is not for the name {host}; ask for the server by a name it is for",
    9: "is not valid yet; look at the clocks",
    10: "has expired",
    18: "is signed by itself, by no authority that is trusted; name its authority with --ca FILE",
    19: "comes from an authority that is not trusted here; name it with --ca FILE",
    20: "comes from an authority that is not trusted here; name it with --ca FILE",
    21: "comes from an authority that is not trusted here; name it with --ca FILE",
    23: "was revoked",
}
"""OpenSSL's verification results (openssl-verification-options(1)) in words."""

_OR_KNOWN: Final = (
    ", or, if whoever runs the server tells you just this fingerprint ({words}), say --fingerprint {shown}"
)

_CHANGED: Final = (
    "is NOT the one that you trust there: its fingerprint is {shown} ({words}), not {pin}. Somebody may have"
    " come in between. Nothing was sent. Ask whoever runs the server; only if they have changed it, name the"
    " new one with --fingerprint {shown}"
)

_NO_CERTIFICATE: Final = "{shown} wants a certificate of yours; name it with --cert FILE --key FILE."
_NOT_ACCEPTED: Final = "{shown} does not accept your certificate ({said}); look at --cert."
_ALERTS: Final = (
    "bad certificate",
    "unsupported certificate",
    "unknown ca",
    "certificate expired",
    "unknown",
)

_NO_PROTOCOL: Final = ("no application protocol", "internal error")
"""What a server says that does not take ALPN; the latter is that of Twisted 26.10 as it comes."""

_NOT_TLS: Final = "it does not speak TLS; look at the port: chatd's is 7412 for TLS, 7411 for plain text"

_STRANGE: Final = (
    "wrong version number",
    "record layer failure",
    "packet length too long",
    "unknown protocol",
)


def load_authorities(path: str) -> list[Certificate]:
    """Return the certificates in the PEM file ``path``. Raises `ClientError` ``bad-ca``."""
    try:
        data = Path(path).read_bytes()
        found = list(map(Certificate.loadPEM, _certificates_in(data)))
    except OSError as error:
        raise ClientError("bad-ca", f"The file {path} cannot be read: {error.strerror}.") from None
    except (SSL.Error, CryptoError):
        found = []
    if not found:
        raise ClientError("bad-ca", f"The file {path} holds no certificate in PEM form.")
    return found


def _certificates_in(data: bytes) -> list[bytes]:
    return [_BEGIN + piece for piece in data.split(_BEGIN)[1:]]


class Authorities:
    """The certificates in the PEM file ``path``, read anew when it has changed.

    Raises `ClientError` ``bad-ca`` at first; if the file cannot be used later, what it held before counts.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._state = self._look()
        self.certificates = load_authorities(path)

    def renewed(self) -> bool:
        """Return whether there are others now."""
        state = self._look()
        if state == self._state:
            return False
        try:
            self.certificates = load_authorities(self._path)
        except ClientError:
            return False  # it may be half written; the next connection looks again
        self._state = state
        return True

    def _look(self) -> tuple[int, ...]:
        try:
            found = Path(self._path).stat()
        except OSError:
            return ()
        return found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_size


def load_own(certificate: str, key: str | None) -> list[Certificate]:
    """Return our certificate, which knows its key, and the chain behind it.

    Raises `ClientError` ``bad-certificate-file``.
    """
    try:
        data = Path(certificate).read_bytes()
        private = Path(key).read_bytes() if key else data
        load_pem_private_key(private, None)
        chain = _certificates_in(data)
        return [PrivateCertificate.loadPEM(chain[0] + private), *map(Certificate.loadPEM, chain[1:])]
    except OSError as error:
        why = f"{error.filename} cannot be read: {error.strerror}"
    except (TypeError, ValueError, IndexError, SSL.Error, CryptoError, UnsupportedAlgorithm):
        why = (
            f"{certificate} and {key or certificate} hold no certificate and its key, PEM without a password"
        )
    raise ClientError("bad-certificate-file", f"Your certificate cannot be used: {why}.")


def verifier_of(address: Address, security: Security) -> "Verifier":
    """Return what verifies the server at ``address``. Raises `ClientError` where a file cannot be used."""
    authorities = Authorities(security.ca) if security.ca else None
    own = load_own(security.certificate, security.key) if security.certificate else ()
    speaks = (_HTTP if address.web else ALPN,)
    return Verifier(address.host, str(address), authorities, pin=security.pin, own=own, speaks=speaks)


@implementer(IOpenSSLClientConnectionCreator)
class Verifier:
    """Makes TLS connections to ``host`` and remembers why the last one was not trusted.

    The server is trusted if its name is verified by ``authorities``, or the system's; with a ``pin`` if its
    key has that fingerprint, and only then. ``own`` is our certificate, with its key, and its chain,
    ``speaks`` are the protocols that are named.
    """

    def __init__(
        self,
        host: str,
        shown: str,
        authorities: Authorities | None = None,
        *,
        pin: str = "",
        own: Sequence[Certificate] = (),
        speaks: Sequence[bytes] = (),
    ) -> None:
        self._shown = shown
        self._host = host
        self._pin = pin
        self._fault = 0
        self._seen = ""
        self._authorities = authorities
        self._own = own
        self._speaks = speaks
        self._tickets = Tickets()
        self._options = self._trusting()
        self._identity = _identity(host)

    def _trusting(self) -> IOpenSSLClientConnectionCreator:
        self._tickets.forget()
        trusted = self._authorities
        root = platformTrust() if trusted is None else trustRootFromCertificates(trusted.certificates)
        chain = [one.original for one in self._own[1:]]
        return optionsForClientTLS(
            self._host,
            trustRoot=root,
            clientCertificate=next((one for one in self._own if isinstance(one, PrivateCertificate)), None),
            acceptableProtocols=list(self._speaks) or None,
            extraCertificateOptions={"extraCertChain": chain} if chain else {},
        )

    def clientConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """Return the connection that verifies the peer, its name included, and takes a note."""
        self._seen = ""
        if self._authorities is not None and self._authorities.renewed():
            self._options = self._trusting()
        connection: SSL.Connection = self._options.clientConnectionForTLS(tlsProtocol)
        # This replaces Twisted's own callback, which verifies the name and tells no reason for anything else.
        mode = SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT
        connection.set_verify(mode, self._verify)
        self._tickets.show(connection)
        return connection

    def _verify(self, _: SSL.Connection, certificate: X509, fault: int, depth: int, right: int) -> bool:
        """Return whether ``certificate`` is accepted; if not, OpenSSL tells the server by an alert."""
        if not depth:
            self._seen = fingerprint(certificate.to_cryptography())
        if self._pin:
            # Neither the name nor who signed it matters: the last call is for the server's own certificate.
            if depth or self._seen == self._pin:
                return True
            self._fault = _OTHER
            return False
        if not right:
            self._fault = fault
            return False
        if depth:
            return True
        try:
            verify_service_identity(extract_patterns(certificate), [self._identity], [])
        except Exception:  # noqa: BLE001 - whatever it is, this name is not verified
            self._fault = _NAME
            return False
        return True

    def ending(self, failure: Failure) -> Ending | None:
        """Return what ``failure`` means if TLS is what failed."""
        problem = failure.value
        if not isinstance(problem, SSL.Error):
            return None
        if self._fault:
            fault, self._fault = self._fault, 0
            return self._bad(fault)
        words = _words(problem)
        if any(strange in words for strange in _STRANGE):
            return Ending(_NOT_TLS, answered=True, code="not-tls", slow=True)
        said = words.partition(" alert ")[2]
        if self._speaks and said in _NO_PROTOCOL:
            self._speaks = ()
            self._options = self._trusting()
            return Ending("its TLS agrees on no protocol; trying without naming one", answered=True)
        if said == "certificate required":
            return self._refused(_NO_CERTIFICATE)
        if self._own and said.removeprefix("certificate ") in _ALERTS:
            return self._refused(_NOT_ACCEPTED, said)
        return Ending(f"TLS failed: {words}", answered=True)

    def _bad(self, fault: int) -> Ending:
        if fault == _OTHER:
            words = _CHANGED
        else:
            words = _FAULTS.get(fault, f"is not acceptable (verification result {fault})")
            words += _OR_KNOWN if fault in UNKNOWN and self._seen else ""
        fault_text = words.format(
            host=self._host, shown=self._seen, words=in_words(self._seen), pin=self._pin
        )
        text = f"The certificate of {self._shown} {fault_text}."
        return Ending(text, answered=True, code="bad-certificate", renewable=fault != _OTHER)

    def _refused(self, words: str, said: str = "") -> Ending:
        text = words.format(shown=self._shown, said=said)
        return Ending(text, answered=True, code="certificate-refused", renewable=True)


def _identity(host: str) -> ServiceID:
    try:
        return IPAddress_ID(str(ip_address(host)))
    except ValueError:
        return DNS_ID(host if host.isascii() else host.encode("idna").decode())


def _words(problem: SSL.Error) -> str:
    if isinstance(problem, SSL.SysCallError):
        return "closed by the server in the middle of the handshake"
    queue = problem.args[0] if problem.args else ()
    reasons = [entry[2] for entry in queue if len(entry) > 2 and entry[2]]  # noqa: PLR2004 - (lib, function, reason)
    return ", ".join(reasons) or "no reason given"
