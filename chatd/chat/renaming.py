"""Renaming: a user takes another nick, and the rooms are told."""

from itertools import islice
from typing import Final

from chatd.chat.accounts import check_rename
from chatd.chat.permissions import takes_direct
from chatd.chat.state import Session
from chatd.chat.world import World
from chatd.wire.limits import MAX_WELCOME_DIRECT

NICK_COST: Final = 10
"""The cost of one room whose members are told of a new nick."""


def rename(world: World, session: Session, nick: str, now: int) -> None:
    """Call the user of ``session`` ``nick`` from now on. Raises `RequestError`."""
    user = session.user
    display, key = world.free_nick(nick, user)
    check_rename(world, user, key)
    if display == user.nick:
        return
    rooms = [*user.rooms, *reversed([*islice(reversed(user.direct), MAX_WELCOME_DIRECT)])]
    session.charge(NICK_COST * len(rooms))
    for room in rooms:  # in other logs of direct messages the next message tells
        world.batch.touch(room, user)  # whoever has counted mentions of a nick meanwhile may be wrong
        if room.members[user].reads_only:
            continue
        if not room.direct or takes_direct(user, room.partner(user)):
            world.post(room, "nick", user.nick, now, display)
    world.rename(user, display, key, now)
