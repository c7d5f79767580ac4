"""Permissions: what a user is in a room, and what each request needs.

All decisions about reading are made here. Every request needs a session too: no message counts as a request
before its connection has one (`chatd.server.dialogue`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from chatd.chat.comparing import TurnedJoin
from chatd.chat.state import Peer, Room, User
from chatd.wire import messages as m
from chatd.wire.errors import Code, RequestError


class Standing(IntEnum):
    """A user's standing in a room. Each one may do all that those before it may."""

    STRANGER = 0
    """May not know of it: a log of direct messages exists for its two users only."""

    READER = 1
    """May read what is kept and see who is there."""

    MEMBER = 2
    """May speak, and is handed what is said."""


@dataclass(frozen=True, slots=True)
class Need:
    """What a request needs.

    ``standing`` is what the user must be in the room that it names; one that takes strangers names no room
    that has to be there. ``begins`` is whether a log of direct messages is begun by it, ``files`` whether the
    bytes of a file follow, which not every kind of connection carries.
    """

    standing: Standing = Standing.STRANGER
    begins: bool = False
    files: bool = False


NEEDS: Final[Mapping[type[m.Request], Need]] = {
    m.Send: Need(Standing.MEMBER, begins=True),
    m.Join: Need(),
    TurnedJoin: Need(),
    m.Leave: Need(Standing.MEMBER),
    m.Topic: Need(Standing.MEMBER),
    m.Nick: Need(),
    m.Read: Need(Standing.MEMBER),
    m.ListRooms: Need(),
    m.Members: Need(Standing.READER),
    m.History: Need(Standing.READER),
    m.Upload: Need(files=True),
    m.Download: Need(Standing.READER, files=True),
}


def standing_of(user: User, room: Room) -> Standing:
    """Return what ``user`` is in ``room``."""
    if user in room.members:
        return Standing.MEMBER
    return Standing.READER if may_read(user, room) else Standing.STRANGER


def may_read(user: User, room: Room, seq: int = 0) -> bool:
    """Return whether ``user`` may read ``room``, and its event ``seq`` if one is named.

    Nobody may read what is not stored yet.
    """
    return (not room.direct or user in room.members) and seq <= room.log.head


def may_follow(user: User, room: Room) -> bool:
    """Return whether the connections of ``user`` may be told what is said in ``room`` as it is said."""
    return standing_of(user, room) >= Standing.MEMBER


def check_files(peer: Peer) -> None:
    """Refuse files on a kind of connection that carries none. Raises `RequestError` ``unsupported``."""
    if not peer.takes_files:
        raise RequestError(Code.UNSUPPORTED, "Files are not moved over this kind of connection; use chatc.")


def check_room(need: Need, user: User, room: Room | None, name: str) -> Room:
    """Return ``room``, which ``user`` calls ``name``, if it is there and the user is in it what is needed.

    Raises `RequestError` ``no-such-room`` or ``not-a-member``.
    """
    if room is None:
        raise RequestError(Code.NO_SUCH_ROOM, f"There is no room {name[:64]}; join it to make it.")
    if standing_of(user, room) < need.standing:
        raise RequestError(Code.NOT_A_MEMBER, f"You are not a member of {name[:64]}; join it first.")
    return room
