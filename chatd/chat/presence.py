"""Presence: tells users who is there in the rooms they share; best effort, latest wins, never in a log.

A user is away only after some time without any connection, so that a link that breaks and comes back is not
seen as a leave and a join.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Final

from chatd.chat.state import Room, User
from chatd.wire.messages import Presence

GRACE: Final = 30.0
"""Seconds without a connection after which a user counts as away."""

AT_ONCE: Final = 1500
"""Followers that are told in one turn: some milliseconds of work."""

NICKS_PER_MESSAGE: Final = 200
"""Nicks in one presence message, so that it fits into a frame."""


class PresenceBoard:
    """Collects comings and goings, and tells the rooms about them once in a while."""

    def __init__(self) -> None:
        self._changed: dict[User, None] = {}

    def touch(self, user: User) -> None:
        """Note that a connection of ``user`` has come or gone."""
        self._changed[user] = None

    def tell(self, now: float) -> Iterator[int]:
        """Tell the followers of every room concerned about the changes; ``now`` is in monotonic seconds.

        Yields behind each piece of work how much that was, in followers told; it may be taken up in a later
        turn, so that thousands who come at once make no turn long (P6).
        """
        news: dict[Room, tuple[list[str], list[str]]] = {}
        for user in [user for user in self._changed if self._settled(user, now)]:
            self._changed.pop(user, None)
            if user.connected is user.announced:
                continue
            user.announced = user.connected
            rooms = [room for room in user.rooms if not room.members[user].reads_only]
            yield 1 + len(rooms)
            direct = iter(list(user.direct))
            while some := list(islice(direct, AT_ONCE)):
                rooms += [room for room in some if room.log.audience_size]
                yield len(some)
            for room in rooms:
                online, offline = news.setdefault(room, ([], []))
                (online if user.announced else offline).append(user.nick)
        for room, (online, offline) in news.items():
            yield 1
            for message in _messages(room, online, offline):
                yield from room.log.tell(message, AT_ONCE)

    def _settled(self, user: User, now: float) -> bool:
        if user.connected:
            user.away_since = None
            return True
        if user.away_since is None:
            user.away_since = now
        return now - user.away_since >= GRACE


def _messages(room: Room, online: list[str], offline: list[str]) -> Iterator[Presence]:
    for begin in range(0, max(len(online), len(offline)), NICKS_PER_MESSAGE):
        end = begin + NICKS_PER_MESSAGE
        yield Presence(room=room.name, online=online[begin:end], offline=offline[begin:end])
