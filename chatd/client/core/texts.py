"""Texts: what the server would refuse anyway is refused before it is queued (docs/PROTOCOL.md, "Texts")."""

import re
from typing import Final

from chatd.wire.errors import Code, RequestError
from chatd.wire.limits import MAX_LABEL, MAX_TEXT

_CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def check_text(text: str, *, caption: bool = False) -> None:
    """Refuse a text that is too long, holds control characters or, but for a caption, is empty.

    Raises `RequestError`.
    """
    if not caption and (not text or text.isspace()):
        raise RequestError(Code.EMPTY_TEXT, "An empty message cannot be sent; write something.")
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise RequestError(Code.CONTROL_CHARACTER, "The text is not Unicode; check its encoding.") from None
    if size > MAX_TEXT:
        raise RequestError(
            Code.TEXT_TOO_LONG, f"The text has {size} bytes of UTF-8; {MAX_TEXT} are the limit; shorten it."
        )
    bad = _CONTROL.search(text)
    if bad is not None:
        raise RequestError(
            Code.CONTROL_CHARACTER,
            f"The text holds the control character U+{ord(bad[0]):04X}; remove it and send again.",
        )


def fits_as_label(text: str) -> bool:
    """Return whether something may be called ``text``, in one line."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        return False
    return size <= MAX_LABEL and not re.search("[\t\n]", text) and _CONTROL.search(text) is None
