"""TLS to the server: the name is verified, and what is wrong with a certificate is named."""

from ipaddress import ip_address
from pathlib import Path
from typing import Final

from OpenSSL import SSL
from OpenSSL.crypto import X509
from OpenSSL.crypto import Error as CryptoError
from service_identity.hazmat import DNS_ID, IPAddress_ID, ServiceID, verify_service_identity
from service_identity.pyopenssl import extract_patterns
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.ssl import Certificate, optionsForClientTLS, platformTrust, trustRootFromCertificates
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from chatd.client.core.problems import ClientError
from chatd.client.net.reasons import Ending

_BEGIN: Final = b"-----BEGIN CERTIFICATE-----"

_NAME: Final = -1
"""The fault of a certificate that is right but for its name."""

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
        pieces = [_BEGIN + piece for piece in data.split(_BEGIN)[1:]]
        found = [Certificate.loadPEM(piece) for piece in pieces]
    except OSError as error:
        raise ClientError("bad-ca", f"The file {path} cannot be read: {error.strerror}.") from None
    except (SSL.Error, CryptoError):
        found = []
    if not found:
        raise ClientError("bad-ca", f"The file {path} holds no certificate in PEM form.")
    return found


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


@implementer(IOpenSSLClientConnectionCreator)
class Verifier:
    """Makes TLS connections to ``host`` and remembers why the last one was not trusted.

    It trusts ``authorities``, or else those of the system.
    """

    def __init__(self, host: str, shown: str, authorities: Authorities | None = None) -> None:
        self._shown = shown
        self._host = host
        self._fault = 0
        self._authorities = authorities
        self._options = self._trusting()
        self._identity = _identity(host)

    def _trusting(self) -> IOpenSSLClientConnectionCreator:
        trusted = self._authorities
        root = platformTrust() if trusted is None else trustRootFromCertificates(trusted.certificates)
        return optionsForClientTLS(self._host, trustRoot=root)

    def clientConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """Return the connection that verifies the peer, its name included, and takes a note."""
        if self._authorities is not None and self._authorities.renewed():
            self._options = self._trusting()
        connection: SSL.Connection = self._options.clientConnectionForTLS(tlsProtocol)
        # This replaces Twisted's own callback, which verifies the name and tells no reason for anything else.
        mode = SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT
        connection.set_verify(mode, self._verify)
        return connection

    def _verify(self, _: SSL.Connection, certificate: X509, fault: int, depth: int, right: int) -> bool:
        """Return whether ``certificate`` is accepted; if not, OpenSSL tells the server by an alert."""
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
            words = _FAULTS.get(fault, f"is not acceptable (verification result {fault})")
            return self._bad(words.format(host=self._host))
        if any(strange in str(problem) for strange in _STRANGE):
            return Ending(_NOT_TLS, answered=True, code="not-tls", slow=True)
        return Ending(f"TLS failed: {_words(problem)}", answered=True)

    def _bad(self, fault: str) -> Ending:
        text = f"The certificate of {self._shown} {fault}."
        return Ending(text, answered=True, code="bad-certificate", renewable=True)


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
