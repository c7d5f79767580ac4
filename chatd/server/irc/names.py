"""Names and texts: what those of chat are on IRC, and the other way round (docs/IRC.md, "Names").

Whatever chat allows in a name, a line of IRC can carry; so it is the same here and there.
"""

import re
from typing import Final

from chatd.chat.masks import HOST, fold, matches
from chatd.chat.masks import IDENT as USER
from chatd.wire.messages import Event

__all__ = ["HOST", "USER", "fold", "matches"]

MOST_USER: Final = 12
"""Characters of such a name: with a nick and the host it stands before every message."""

CHANNEL: Final = "#"
DIRECT: Final = "@"

ACTION: Final = "/me "
"""How a text begins in chat that is CTCP's ACTION on IRC."""

NOTICE: Final = "notice"
"""The value of a message that is a NOTICE on IRC: no program is to answer it."""

QUIT: Final = "quit"
"""The value of a leave that is a QUIT on IRC: the user has gone altogether."""

_FORMATS: Final = re.compile(
    "\x03(?:[0-9]{1,2}(?:,[0-9]{1,2})?)?|\x04(?:[0-9a-fA-F]{6}(?:,[0-9a-fA-F]{6})?)?|[\x02\x0f\x11\x16\x1d-\x1f]"
)
"""Bold, colours and their like, which chat does not have."""


def nuh(nick: str, user: str = USER) -> str:
    """Return who ``nick`` is, as the source of a line."""
    return f"{nick}!{user}@{HOST}"


def user_named(name: str) -> str:
    """Return what USER calls somebody, as far as that can stand before a host; nobody has asked there."""
    allowed = "".join(char for char in name if char.isascii() and (char.isalnum() or char in "._-"))
    return f"~{allowed[:MOST_USER]}" if allowed else USER


def shown(name: str) -> str:
    """Return what may be no name as it can stand within a line."""
    return name if name and not set(name) & set(" :") else "*"


def plain(text: str) -> str:
    """Return ``text`` without IRC's formats."""
    return _FORMATS.sub("", text)


def ctcp(text: str) -> tuple[str, str] | None:
    """Return what CTCP command ``text`` is, with the rest; None for one that is none."""
    if not text.startswith("\x01"):
        return None
    command, _, rest = text.strip("\x01").partition(" ")
    return command.upper(), rest


def said(event: Event) -> str:
    """Return what is shown of a message or a file, whatever its form."""
    file = event.file
    if file is None:
        return event.text
    return f"[file] {file.name} ({file.size} bytes) {event.text}".rstrip()


def message_id(room: str, seq: int) -> str:
    """Return the ``msgid`` of event ``seq`` of ``room``: it is the same for everybody, and for ever."""
    return f"{room}:{seq}"


def event_id(text: str) -> tuple[str, int] | None:
    """Return room and number of the event with the ``msgid`` ``text``, or None if it can be none."""
    room, _, seq = text.rpartition(":")
    if not room or not (seq.isascii() and seq.isdecimal() and len(seq) < 16):  # noqa: PLR2004 - of JSON's integers
        return None
    return room, int(seq)
