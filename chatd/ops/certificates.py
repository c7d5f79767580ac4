"""Checks a certificate file and a key file before a listener needs them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL import SSL

from chatd.ops.reading import Problem
from chatd.ops.settings import ListenConfig


def certificate_problems(certificate: str, key: str, path: str) -> Iterator[Problem]:
    """Yield the problems with the PEM files that the listener at ``path`` names; it may name none."""
    if bool(certificate) != bool(key):
        given, missing = ("certificate", "key") if certificate else ("key", "certificate")
        yield Problem(f"{path}.{given}", f"certificate and key go together; {missing} is missing.")
    try:
        chain = _chain(certificate, f"{path}.certificate")
        private = _private(key, f"{path}.key")
    except _WrongFileError as error:
        yield error.problem
        return
    if chain and private and chain[0].public_key() != private.public_key():
        yield Problem(f"{path}.key", f"{key} is not the key of the first certificate in {certificate}.")
    elif chain and private:
        why = _refusal(chain, private)
        if why is not None:
            yield Problem(f"{path}.certificate", f"{certificate} and {key} cannot be used: {why}.")


def authority_problems(listen: ListenConfig, path: str) -> Iterator[Problem]:
    """Yield the problems with what the listener at ``path`` wants of its clients' certificates."""
    if listen.client_certificates == "none":
        if listen.client_ca:
            yield Problem(
                f"{path}.client_ca",
                'no client is asked for a certificate; say client_certificates = "optional" or "required".',
            )
        return
    if not listen.certificate:
        yield Problem(
            f"{path}.client_certificates",
            "clients show certificates over TLS alone; give certificate and key.",
        )
    if not listen.client_ca:
        yield Problem(
            f"{path}.client_certificates",
            "client_ca is missing: the file with the authorities that sign the clients' certificates.",
        )
        return
    try:
        _chain(listen.client_ca, f"{path}.client_ca")
    except _WrongFileError as error:
        yield error.problem


def _refusal(chain: list[x509.Certificate], private: PrivateKeyTypes) -> str | None:
    """Return why OpenSSL, as this system has set it up, does not take what a listener would show."""
    context = SSL.Context(SSL.TLS_METHOD)
    try:
        context.use_certificate(chain[0])
        for certificate in chain[1:]:
            context.add_extra_chain_cert(certificate)
        context.use_privatekey(private)  # type: ignore[arg-type]
    except SSL.Error as error:
        reasons = ", ".join(reason for _, _, reason in error.args[0]) or "OpenSSL refuses it"
        return _WEAK.get(reasons, reasons)
    except (TypeError, ValueError) as error:
        return str(error).rstrip(".")
    return None


_WEAK: Final = {
    "ee key too small": "the key is too short to be safe; make one of 2048 bits, or an elliptic curve",
    "ca key too small": "the key of its authority is too short to be safe; have it signed by another one",
    "ee md too weak": "it is signed in a way that is not safe any more (SHA-1); have it signed anew",
    "ca md too weak": "its authority is signed in a way that is not safe any more (SHA-1); use another one",
}
"""What OpenSSL says of keys and signatures that its security level forbids."""


class _WrongFileError(Exception):
    def __init__(self, path: str, sentence: str) -> None:
        super().__init__(sentence)
        self.problem = Problem(path, sentence)


def _bytes(name: str, path: str) -> bytes:
    try:
        return Path(name).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _WrongFileError(path, f"{name} cannot be read: {reason}.") from None


def _chain(name: str, path: str) -> list[x509.Certificate]:
    if not name:
        return []
    try:
        return x509.load_pem_x509_certificates(_bytes(name, path))
    except ValueError:
        raise _WrongFileError(path, f"{name} holds no certificate in PEM form.") from None


def _private(name: str, path: str) -> PrivateKeyTypes | None:
    if not name:
        return None
    try:
        return load_pem_private_key(_bytes(name, path), password=None)
    except TypeError:
        raise _WrongFileError(path, f"{name} is encrypted; the daemon needs it without a password.") from None
    except (ValueError, UnsupportedAlgorithm):
        raise _WrongFileError(path, f"{name} holds no private key in PEM form.") from None
