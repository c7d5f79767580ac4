"""Typing: tells those who follow a room who types there; best effort, latest wins, never in a log.

It is told only to connections that wanted it, that stand at the head, and to which nothing else waits to be
written. So it never comes before a message, and is what is dropped first under load.
"""

from collections.abc import Iterator
from typing import Final

from chatd.chat.permissions import is_settled, may_follow, may_speak
from chatd.chat.state import Peer, Room, Session, User
from chatd.chat.world import World
from chatd.wire.errors import RequestError
from chatd.wire.messages import Typing

COST: Final = 1
"""What a word of typing costs of the session's allowance: as much as a message."""

MOST_NICKS: Final = 5
"""Nicks in one message: those who typed last; nobody follows more."""

MOST_TOLD: Final = 500
"""Followers of a room in which typing is told: in a larger one it would tell nobody anything."""


class TypingBoard:
    """Collects who types where, and tells that once in a while: each user once at most in each room."""

    def __init__(self) -> None:
        self._typing: dict[Room, dict[User, tuple[Session, int]]] = {}

    def note(self, world: World, peer: Peer, session: Session, typing: Typing) -> None:
        """Note that the user of ``session`` types in a room; who may not speak there is not told so."""
        session.charge(COST)
        user = session.user
        asker = world.asker(user, peer.peer_host)
        try:
            room = world.find_room(asker, typing.room)
        except RequestError:
            return
        if room is None or not world.terms.typing or room.log.audience_size > MOST_TOLD:
            return
        if may_speak(asker, room) and is_settled(user, room):
            typists = self._typing.setdefault(room, {})
            typists.pop(user, None)
            typists[user] = (session, session.last)

    def drop(self) -> None:
        """Tell nobody what was collected."""
        self._typing.clear()

    def tell(self) -> Iterator[int]:
        """Tell the followers of every room who types there; yields how many were told behind each room.

        Who has said something since types no more.
        """
        typing, self._typing = self._typing, {}
        for room, typists in typing.items():
            users = [user for user, (session, last) in typists.items() if _types(room, session, last)]
            if users:
                nicks = [user.nick for user in users[-MOST_NICKS:]]
                alone = users[0] if len(users) == 1 else None
                yield 1 + room.log.whisper(Typing(room=room.name, nicks=nicks), alone)


def _types(room: Room, session: Session, last: int) -> bool:
    peer = session.peer
    return peer is not None and session.last == last and may_follow(session.user, room, peer.peer_host)
