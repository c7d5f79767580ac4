"""What a listener's TLS is made of: its PEM files as they are now, and Twisted's options made of them."""

from pathlib import Path
from typing import Any, Final, NamedTuple

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from OpenSSL import SSL, crypto
from twisted.internet.ssl import Certificate, CertificateOptions, KeyPair

from chatd.ops.endpoints import own_tls
from chatd.ops.settings import ListenConfig
from chatd.wire.frames import ALPN

_HTTP: Final = frozenset({b"http/1.1"})
_ALPN: Final = {"native": frozenset({ALPN}), "web": _HTTP, "irc-websocket": _HTTP}
"""The names of protocols that TLS may name (RFC 7301), by the protocol of a listener."""

_PEM_END: Final = b"-----END CERTIFICATE-----"


class Material(NamedTuple):
    """The certificates, the key and the clients' authorities of a listener; empty where it has none.

    Two that are equal make the same TLS. Of an endpoint ``ssl:`` the key is known by its public part.
    """

    certificate: bytes = b""
    key: bytes = b""
    client_ca: bytes = b""


def material_of(listener: ListenConfig) -> Material:
    """Return what ``listener`` shows and asks for, as it is now. Raises OSError or ValueError."""
    if listener.tls:
        files = (listener.certificate, listener.key, listener.client_ca)
        return Material(*(Path(file).read_bytes() if file else b"" for file in files))
    options: Any = own_tls(listener.endpoint)
    if options is None:
        return Material()
    shown = (options.certificate, *(options.extraCertChain or ()))
    certificates = b"".join(one.to_cryptography().public_bytes(Encoding.PEM) for one in shown)
    public = options.privateKey.to_cryptography_key().public_key()
    return Material(certificates, public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def tls_options(listener: ListenConfig, material: Material) -> CertificateOptions | None:
    """Return TLS 1.2 or newer with ``material``; None if ``listener`` speaks plain text.

    Whoever comes back within hours shows a ticket, and spares both sides the signatures.
    """
    if not listener.tls:
        options = own_tls(listener.endpoint)
        if options is not None:
            agree(options, listener)
        return options
    first, *chain = [certificate.original for certificate in _certificates(material.certificate)]
    asks = listener.client_certificates != "none"
    options = CertificateOptions(
        privateKey=KeyPair.load(material.key, crypto.FILETYPE_PEM).original,
        certificate=first,
        extraCertChain=chain,
        verify=asks,
        caCerts=[one.original for one in _certificates(material.client_ca)] if asks else None,
        requireCertificate=listener.client_certificates == "required",
        enableSessionTickets=True,
    )
    agree(options, listener)
    return options


def agree(options: Any, listener: ListenConfig) -> None:
    """Let TLS name the protocol to clients that name it too; whoever names others alone goes on without."""
    ours = _ALPN.get(listener.speaks, frozenset())
    options.getContext().set_alpn_select_callback(
        lambda _, offered: next(iter(ours.intersection(offered)), SSL.NO_OVERLAPPING_PROTOCOLS)
    )


def _certificates(pem: bytes) -> list[Certificate]:
    return [Certificate.loadPEM(block + _PEM_END) for block in pem.split(_PEM_END)[:-1]]
