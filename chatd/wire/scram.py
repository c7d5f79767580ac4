"""SCRAM-SHA-256 (RFC 5802, RFC 7677), the server's side: one shows that one knows a password without telling.

What is kept of a password is its `Verifier`, written as RFC 5803 has it. Nothing here is random: salts and
nonces come in as arguments.
"""

import base64
import binascii
import hashlib
import hmac
import stringprep
import unicodedata
from collections.abc import Sequence
from typing import Final, NamedTuple

MECHANISM: Final = "SCRAM-SHA-256"

ITERATIONS: Final = 100_000
"""Rounds of hashing of a new verifier (RFC 7677 asks for 4096): some 30 ms of a processor here, more for a
client that is not written in C."""

SALT: Final = 16
"""Bytes of a salt."""

MOST_NONCE: Final = 256
"""Characters of a client's nonce."""

_MOST_ITERATIONS: Final = 10_000_000
_PROHIBITED: Final = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


class BadExchangeError(ValueError):
    """What was said is no SCRAM, or not what this server does of it."""


class Verifier(NamedTuple):
    """What a password can be verified by, though not found but by trying."""

    iterations: int
    salt: bytes
    stored_key: bytes
    server_key: bytes

    def encode(self) -> str:
        """Return it as it is kept."""
        salt, stored, server = map(_base64, self[1:])
        return f"{MECHANISM}${self.iterations}:{salt}${stored}:{server}"


def make(password: str, salt: bytes, iterations: int = ITERATIONS) -> Verifier:
    """Return the verifier of ``password``: that takes a while."""
    salted = hashlib.pbkdf2_hmac("sha256", _prepared(password).encode(), salt, iterations)
    client_key = _hmac(salted, b"Client Key")
    return Verifier(iterations, salt, hashlib.sha256(client_key).digest(), _hmac(salted, b"Server Key"))


def read(text: str) -> Verifier | None:
    """Return the verifier that was written as ``text``, or None if that is none."""
    try:
        mechanism, cost, keys = text.split("$")
        iterations, salt = cost.split(":")
        stored, server = keys.split(":")
        count = int(iterations)
        found = Verifier(count, *(base64.b64decode(part, validate=True) for part in (salt, stored, server)))
    except ValueError:
        return None
    return found if mechanism == MECHANISM and 0 < count <= _MOST_ITERATIONS else None


class First(NamedTuple):
    """The first message of a client: who it logs in as, with its ``nonce``; ``bare`` is what is signed."""

    name: str
    nonce: str
    header: str
    bare: str


def read_first(said: bytes) -> First:
    """Return what the first message of a client says. Raises `BadExchangeError`.

    No channel is bound (``n`` or ``y``); nobody acts for somebody else.
    """
    text = _text(said)
    words = text.split(",")
    if len(words) < 4 or words[0] not in {"n", "y"}:  # noqa: PLR2004 - two of the header, name and nonce
        raise BadExchangeError("This is no first message without a channel binding.")
    header, (name, nonce) = f"{words[0]},{words[1]},", words[2:4]
    if not name.startswith("n=") or not nonce.startswith("r="):
        raise BadExchangeError("A name and a nonce are missing.")
    user = _unescaped(name[2:])
    if words[1] not in {"", f"a={name[2:]}"}:
        raise BadExchangeError("Nobody acts for somebody else here.")
    if not user or not 0 < len(nonce) - 2 <= MOST_NONCE or not _is_printable(nonce):
        raise BadExchangeError("The name or the nonce cannot be.")
    return First(user, nonce[2:], header, text[len(header) :])


class Exchange:
    """One exchange that began with ``first``; the server's part of the nonce is ``nonce``."""

    def __init__(self, first: First, nonce: str, verifier: Verifier) -> None:
        self._first = first
        self._verifier = verifier
        self._nonce = first.nonce + nonce
        self.challenge = f"r={self._nonce},s={_base64(verifier.salt)},i={verifier.iterations}"

    def answer(self, said: bytes) -> str | None:
        """Return what proves to the client that ``said``, its last message, was right; None if it was not.

        Raises `BadExchangeError`.
        """
        text = _text(said)
        without, mark, proof = text.rpartition(",p=")
        words = without.split(",")
        if not mark or len(words) < 2:  # noqa: PLR2004 - the channel and the nonce
            raise BadExchangeError("A proof is missing.")
        channel = f"c={_base64(self._first.header.encode())}"
        if words[0] != channel or words[1] != f"r={self._nonce}":
            raise BadExchangeError("This is of another exchange.")
        signed = f"{self._first.bare},{self.challenge},{without}".encode()
        signature = _hmac(self._verifier.stored_key, signed)
        shown = _bytes(proof)
        if len(shown) != len(signature):
            raise BadExchangeError("A proof has 32 bytes.")
        client_key = bytes(a ^ b for a, b in zip(shown, signature, strict=True))
        if not hmac.compare_digest(hashlib.sha256(client_key).digest(), self._verifier.stored_key):
            return None
        return f"v={_base64(_hmac(self._verifier.server_key, signed))}"


def _prepared(password: str) -> str:
    """Return ``password`` as SASLprep has it (RFC 4013); one that it does not allow, as it is."""
    mapped = "".join(
        " " if stringprep.in_table_c12(char) else char
        for char in password
        if not stringprep.in_table_b1(char)
    )
    found = unicodedata.normalize("NFKC", mapped)
    return found if found and _is_allowed(found) else password


def _is_allowed(text: Sequence[str]) -> bool:
    if any(prohibited(char) for char in text for prohibited in _PROHIBITED):
        return False
    if not any(map(stringprep.in_table_d1, text)):
        return True
    ends = stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1])
    return ends and not any(map(stringprep.in_table_d2, text))


def _hmac(key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, data, "sha256")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadExchangeError("This is no Base64.") from None


def _text(said: bytes) -> str:
    try:
        return said.decode()
    except UnicodeDecodeError:
        raise BadExchangeError("This is no UTF-8.") from None


def _unescaped(name: str) -> str:
    """Return a name as it was before ``,`` and ``=`` were written otherwise. Raises `BadExchangeError`."""
    plain = name.replace("=2C", ",").replace("=3D", "")
    if "=" in plain:
        raise BadExchangeError("In a name = is written =3D.")
    return name.replace("=2C", ",").replace("=3D", "=")


def _is_printable(nonce: str) -> bool:
    return nonce.isascii() and nonce.isprintable()
