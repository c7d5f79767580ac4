"""Texts: which ones may be said (docs/PROTOCOL.md, "Texts")."""

import re

from chatd.wire.errors import Code, RequestError
from chatd.wire.limits import MAX_LABEL, MAX_REASON, MAX_STATUS, MAX_TEXT, MAX_TOPIC

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def check_text(text: str) -> None:
    """Refuse a message text that is empty, too long or holds control characters.

    Tab and line feed are the only ones allowed. Raises `RequestError`.
    """
    if not text or text.isspace():
        raise RequestError(Code.EMPTY_TEXT, "An empty message cannot be sent; write something.")
    if 4 * len(text) > MAX_TEXT or not text.isprintable():
        _check(text, MAX_TEXT)


def check_caption(text: str) -> None:
    """Refuse a file's caption that is too long or holds control characters. Raises `RequestError`."""
    _check(text, MAX_TEXT)


def check_topic(text: str) -> None:
    """Refuse a topic that is too long or holds control characters. Raises `RequestError`."""
    _check(text, MAX_TOPIC)


def check_reason(text: str) -> None:
    """Refuse a reason that is too long or holds control characters. Raises `RequestError`."""
    _check(text, MAX_REASON)


def check_status(text: str) -> None:
    """Refuse what somebody says with their status, as `check_reason` does. Raises `RequestError`."""
    _check(text, MAX_STATUS)


def check_label(text: str) -> None:
    """Refuse what somebody calls a thing of theirs, as `check_reason` does. Raises `RequestError`."""
    _check(text, MAX_LABEL)


def _check(text: str, limit: int) -> None:
    if 4 * len(text) > limit and len(text.encode()) > limit:
        raise RequestError(
            Code.TEXT_TOO_LONG, f"The text is too long: {limit} bytes of UTF-8 are the limit; shorten it."
        )
    bad = None if text.isprintable() else _CONTROL.search(text)
    if bad is not None:
        raise RequestError(
            Code.CONTROL_CHARACTER,
            f"The text holds the control character U+{ord(bad[0]):04X}; remove it and send again.",
        )
