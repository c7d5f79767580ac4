"""Plain messages: read, and made into what everybody is told, without an object for any of them.

Most of what is said is a text of printable ASCII to a room, spelt as `chatd.wire.objects.write` does. Such a
message is known by its bytes alone, and its text is the same bytes in the event. Everything else, in whatever
spelling, is read by the codec; what comes of it is the same.
"""

import re
from collections.abc import Callable, Iterable
from itertools import count
from typing import Final

import msgspec

from chatd.wire.limits import MAX_TEXT
from chatd.wire.native import frames_of

_LONGEST: Final = MAX_TEXT // 4
"""Bytes of a plain text at the most: what is longer has its size looked at."""

Read = re.Match[bytes]
"""A plain message: its groups are ``id``, ``n``, the room and the text, in the bytes of JSON."""

read: Final[Callable[[bytes], Read | None]] = re.compile(
    rb'\{"t":"send","id":(0|[1-9][0-9]{0,14}),"n":([1-9][0-9]{0,14}),'
    rb'"room":"(#[^"\\]{1,200})","text":"((?! +")[ !#-?A-\[\]-~]{1,%d})"\}' % _LONGEST
).fullmatch
"""Returns what a message of a client is if it is plain, None if it is anything else.

It mentions nobody (``@``), has no line break, is not blank, and needs no escape.
"""

quoted: Final[Callable[[str], bytes]] = msgspec.json.Encoder().encode
"""Returns a name as it stands in what is stored."""


def stored(
    room: bytes, ts: int, by: bytes, session: int, first: int, n: int, texts: Iterable[bytes]
) -> list[bytes]:
    """Return the bytes that are stored (`chatd.wire.stored`) of the events that plain ``texts`` become.

    ``room`` and ``by`` are `quoted`. ``first`` is the number of the first one there, and ``n`` its number
    among what ``session`` sends.
    """
    form = (
        b'{"t":"event","room":%b,"seq":%%d,"ts":%d,"kind":"message","by":%b,"text":"%%b","session":%d,"n":%%d}'
        % (
            room.replace(b"%", b"%%"),
            ts,
            by.replace(b"%", b"%%"),
            session,
        )
    )
    return frames_of(map(form.__mod__, zip(count(first), texts, count(n), strict=False)))
