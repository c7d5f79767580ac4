"""Makes a first certificate, signed by itself, for a listener whose clients know it by its fingerprint."""

import os
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from chatd.fingerprint import fingerprint


class Made(NamedTuple):
    """The files that were made, and the fingerprint of the key."""

    certificate: Path
    key: Path
    fingerprint: str


class MakeError(Exception):
    """A certificate that cannot be made; one sentence says what to do."""


def make(
    names: tuple[str, ...], folder: Path, days: int, now: datetime | None = None, *, force: bool = False
) -> Made:
    """Make a key and a certificate for ``names`` in ``folder``, valid for ``days``. Raises `MakeError`.

    The folder is made if it is not there. Files that are there are replaced with ``force`` alone; only the
    owner can read the key.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    begin = (now or datetime.now(UTC)) - timedelta(hours=1)  # for clients whose clock is a little behind
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    made = Made(folder / "cert.pem", folder / "key.pem", fingerprint(certificate))
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    there = next((path for path in (made.key, made.certificate) if os.path.lexists(path)), None)
    if there is not None and not force:
        raise MakeError(
            f"{there} is there already; name another folder with --out, or replace it with --force."
        )
    try:
        folder.mkdir(exist_ok=True)
        _write(made.key, secret, 0o600)
        _write(made.certificate, certificate.public_bytes(Encoding.PEM), 0o644)
    except OSError as error:
        raise MakeError(f"{error.filename} cannot be written: {error.strerror}.") from None
    return made


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name.strip("[]")))
    except ValueError:
        pass
    try:
        return x509.DNSName(name.encode("idna").decode())
    except (UnicodeError, ValueError):
        raise MakeError(f"{name!r} is no name of a host; write chat.example.org, or an IP address.") from None


def _write(path: Path, data: bytes, mode: int) -> None:
    """Put ``data`` in place of ``path`` as a whole: nobody else reads it meanwhile, nothing is half."""
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
