"""Passwords: in which form they are compared, and which ones nobody should have."""

import unicodedata

from chatd.wire.errors import Code, RequestError
from chatd.wire.limits import MAX_PASSWORD, MIN_PASSWORD


def prepare(password: str) -> str:
    """Return the form in which a password is hashed: however it was typed, it is the same (RFC 8265)."""
    spaced = "".join(" " if unicodedata.category(char) == "Zs" else char for char in password)
    return unicodedata.normalize("NFC", spaced)


def check_new(password: str, least: int = MIN_PASSWORD) -> None:
    """Raise `RequestError` ``bad-password`` if nobody should have ``password``.

    ``least`` is how many characters it has to have where the server says so.
    """
    if not least <= len(prepare(password)) <= MAX_PASSWORD:
        raise RequestError(
            Code.BAD_PASSWORD, f"A password has {least} to {MAX_PASSWORD} characters; choose another."
        )
    if any(unicodedata.category(char) == "Cc" for char in password):
        raise RequestError(Code.BAD_PASSWORD, "A password holds no control characters; choose another.")
