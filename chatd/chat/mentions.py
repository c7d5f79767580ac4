"""Mentions: whom a text names behind an ``@``, among a room's members (docs/PROTOCOL.md, "Mentions").

Until it is read, each is kept by the id of the user, so that it survives a change of nick.
"""

import re
from collections.abc import Iterable
from typing import Final

from chatd.chat.changes.rows import DropMention, PutMention
from chatd.chat.mentioned import ALL, everybody_but
from chatd.chat.names import USER_SIGN
from chatd.chat.state import Room, User
from chatd.chat.world import World
from chatd.wire.limits import MAX_MENTIONS, MAX_NAME, MAX_UNREAD_MENTIONS
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


def keep_mentions(world: World, room: Room, author: User, seq: int, nicks: Iterable[str]) -> None:
    """Keep that event ``seq`` of ``author`` mentions those with these ``nicks``, who have not read it."""
    _keep(world, room, seq, _whom(world, room, author, nicks))


def edit_mentions(
    world: World,
    room: Room,
    author: User,
    seqs: Iterable[int],
    before: Iterable[str],
    by: int,
    nicks: Iterable[str],
) -> None:
    """Let event ``by`` of ``author`` mention those with ``nicks`` whom what it edits has not mentioned.

    That has mentioned those with the nicks ``before``, by the events ``seqs``. Whom it mentions no more need
    not read it for that.
    """
    whom, had = _whom(world, room, author, nicks), _whom(world, room, author, before)
    for seq in seqs:
        for user in [] if room.mentioned is None else list(room.mentioned.whom(seq)):
            had[user] = None
            if user not in whom:
                _drop(world, room, user, seq)
            elif (
                not world.terms.keep_edits
            ):  # who gets the event from now on cannot see whom it has mentioned
                _touch(world, room, user, seq)
    new = [user for user in whom if user not in had]
    _keep(world, room, by, new)
    for user in new:
        _touch(world, room, user, by)


def drop_mentions(world: World, room: Room, seq: int) -> None:
    """Let event ``seq``, which is removed, mention nobody."""
    for user in [] if room.mentioned is None else list(room.mentioned.whom(seq)):
        _drop(world, room, user, seq)


def _whom(world: World, room: Room, author: User, nicks: Iterable[str]) -> dict[int, None]:
    """Return whom these ``nicks`` mean, but the ``author``."""
    found: dict[int, None] = {}
    for nick in nicks:
        user = world.nicks.get(fold(nick))
        if nick == EVERYBODY:
            found[everybody_but(author.id)] = None
        elif user is not None and user is not author and user in room.members:
            found[user.id] = None
    return found


def _keep(world: World, room: Room, seq: int, whom: Iterable[int]) -> None:
    log = room.log.id
    for user in whom:
        known = () if room.mentioned is None else room.mentioned.of(max(user, ALL))
        if room.mentioned is not None and len(known) >= MAX_UNREAD_MENTIONS:
            for one in [user] if user > ALL else [one for one in room.mentioned.whom(known[0]) if one < ALL]:
                _drop(world, room, one, known[0])
        world.change(PutMention(log, user, seq))


def _drop(world: World, room: Room, user: int, seq: int) -> None:
    world.change(DropMention(room.log.id, user, seq))
    _touch(world, room, user, seq)


def _touch(world: World, room: Room, user: int, seq: int) -> None:
    """Tell whom it concerns that a mention by event ``seq`` has come or gone."""
    if user < ALL:
        world.batch.touch_all(room, seq)
    elif user in world.users:
        world.batch.touch(room, world.users[user])
