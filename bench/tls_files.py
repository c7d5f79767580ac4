"""A certificate for one benchmark, and clients that trust it."""

import datetime as dt
import ipaddress
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """The files of a self-signed certificate for 127.0.0.1 and its key."""

    certificate: Path
    key: Path

    def wrap(self, link: socket.socket) -> ssl.SSLSocket:
        """Return ``link`` after a handshake in which the server has shown this certificate."""
        context = ssl.create_default_context(cafile=str(self.certificate))
        return context.wrap_socket(link, server_hostname="127.0.0.1")


def make(folder: Path) -> TlsFiles:
    """Write a new certificate and its key into ``folder``."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bench")])
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - dt.timedelta(hours=1)).not_valid_after(
        now + dt.timedelta(days=1)
    )
    builder = builder.add_extension(names, critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    files = TlsFiles(folder / "bench.crt", folder / "bench.key")
    certificate = builder.sign(key, hashes.SHA256())
    files.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    plain, form = serialization.NoEncryption(), serialization.PrivateFormat.PKCS8
    files.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))
    return files
