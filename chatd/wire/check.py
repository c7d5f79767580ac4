"""The check of an event tells it from another one with the same number in another history of the log."""

from hashlib import sha256
from typing import Final

DIGITS: Final = 8
"""Hexadecimal digits of a check: two different events have the same one once in four billion times."""


def check_of(text: bytes | memoryview) -> str:
    """Return the check of the event whose JSON object, as it came over the wire, is ``text``."""
    return sha256(text).hexdigest()[:DIGITS]
