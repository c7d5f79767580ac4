"""Emoji: one emoji, or the name of one between colons, is what is reacted with (docs/PROTOCOL.md)."""

import re
import unicodedata
from typing import Final

from chatd.wire.errors import Code, RequestError

MAX_BYTES: Final = 64
"""Bytes of UTF-8 in what is reacted with: the longest families and flags take about half of that."""

_NAME: Final = re.compile(":[a-z0-9_+-]{1,32}:")
_ZWJ: Final = "\u200d"
_JOINED: Final = frozenset({_ZWJ, "\u20e3", "\ufe0e", "\ufe0f"})
"""What joins pieces, makes a keycap of what is before it, and says how that is to be shown."""

_KEYS: Final = frozenset("0123456789#*")


def check_emoji(emoji: str) -> None:
    """Refuse what is no emoji, nor the name of one: letters, signs, blanks, and two emoji in a row.

    Raises `RequestError` ``bad-emoji``.
    """
    if not (_NAME.fullmatch(emoji) or is_emoji(emoji)):
        raise RequestError(
            Code.BAD_EMOJI, "That is no emoji; react with one, or with the name of one, such as :tea:."
        )


def is_emoji(text: str) -> bool:
    """Return whether ``text`` is one emoji: one picture, or several that are joined to one.

    The version of Unicode decides which pictures are known: new ones are code points without a meaning yet in
    the blocks of pictures, and are allowed.
    """
    if not text or len(text.encode(errors="replace")) > MAX_BYTES:
        return False
    pieces = text.split(_ZWJ)
    return all(_is_piece(piece) for piece in pieces)


def _is_piece(piece: str) -> bool:
    """Return whether ``piece`` is one picture, a flag, or a keycap, with what says how it is shown."""
    bare = "".join(char for char in piece if char not in _JOINED)
    if not bare:
        return False
    if bare in _KEYS:
        return "\u20e3" in piece
    first, rest = bare[0], bare[1:]
    if _is_letter_of_flag(first):
        return len(rest) == 1 and _is_letter_of_flag(rest)
    return _is_picture(first) and all(_modifies(char) for char in rest) and len(rest) <= MAX_BYTES // 4


def _is_letter_of_flag(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _is_picture(char: str) -> bool:
    """Return whether ``char`` is a picture: a symbol of the blocks that hold them, known or not yet."""
    if "\U0001f000" <= char <= "\U0001faff":
        return unicodedata.category(char) in {"So", "Sk", "Cn"}
    return char in "\u00a9\u00ae\u203c\u2049\u3030\u303d\u3297\u3299" or (
        "\u2100" <= char <= "\u2bff" and unicodedata.category(char) in {"So", "Sm"}
    )


def _modifies(char: str) -> bool:
    """Return whether ``char`` is a colour of skin, or a tag, as in the flags of Scotland and Wales."""
    return "\U0001f3fb" <= char <= "\U0001f3ff" or "\U000e0020" <= char <= "\U000e007f"
