"""Mentions: whom a text names behind an ``@``, among a room's members (docs/PROTOCOL.md, "Mentions")."""

import re
from typing import Final

from chatd.chat.names import USER_SIGN
from chatd.chat.state import Room, User
from chatd.chat.world import World
from chatd.wire.limits import MAX_MENTIONS, MAX_NAME
from chatd.wire.names import SERVER, fold

EVERYBODY: Final = SERVER
"""What stands for all members of the room; it is nobody's nick."""

ROOM: Final = "room"
"""The word that mentions all of them, unless a member is called so."""

LOOKED_AT: Final = 400
"""Characters that are compared with nicks in one text, so that no text takes more than a millisecond (P6)."""

_CANDIDATE: Final = re.compile(rf"(?<![\w@#])@([^\s@]{{1,{MAX_NAME}}})")
_END: Final = re.compile(r"\W+(?=\w*$)")
"""Where a word ends that has another one stuck to it, as in ``ann's`` and ``(ann)``."""


def mentions_in(world: World, room: Room, user: User, text: str) -> tuple[str, ...]:
    """Return the nicks of the members of ``room`` whom ``text`` of ``user`` mentions, at most MAX_MENTIONS.

    `EVERYBODY` is among them where all are meant, and ``user`` may do that.
    """
    if USER_SIGN not in text or room.direct:
        return ()
    found: dict[str, None] = {}
    left = LOOKED_AT
    for candidate in _CANDIDATE.finditer(text):
        word = candidate[1]
        while word and left > 0:
            left -= len(word)
            nick = _called(world, room, user, word)
            if nick:
                found[nick] = None
                break
            end = _END.search(word)
            word = "" if end is None else word[: end.start()]
        if left <= 0 or len(found) == MAX_MENTIONS:
            break
    return tuple(found)


def _called(world: World, room: Room, user: User, word: str) -> str:
    """Return the nick of the member whom ``word`` names, or `EVERYBODY`; nothing if that is nobody."""
    member = world.nicks.get(fold(word))
    if member is not None and member in room.members:
        return member.nick
    may = room.members[user].role >= room.rules.calling
    return EVERYBODY if may and word.casefold() == ROOM else ""
