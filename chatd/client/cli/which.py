"""Which file: what people write to name one of a room's files."""

import re
from typing import Final

from msgspec import Struct

from chatd.client.core.problems import ClientError
from chatd.wire.limits import MAX_INT, MIN_FILE_ID

_ID: Final = re.compile(f"[0-9a-f]{{{MIN_FILE_ID},64}}")


class Which(Struct, frozen=True):
    """A file by the number of its event, or by the beginning of its SHA-256."""

    seq: int | None = None
    file: str = ""


def which_file(text: str) -> Which:
    """Return what ``text`` names: decimal digits alone are the number of an event.

    Raises `ClientError` where it can be neither.
    """
    word = text.strip().lower()
    if word.isascii() and word.isdecimal() and int(word) <= MAX_INT:
        return Which(seq=int(word))
    if _ID.fullmatch(word):
        return Which(file=word)
    raise ClientError(
        "usage",
        f"{text!r} names no file; write its event's number, or {MIN_FILE_ID} digits or more of its SHA-256.",
    )
