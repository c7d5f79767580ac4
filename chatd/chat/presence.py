"""Presence: tells users who is there, away or busy in the rooms they share; best effort, and in no log.

A user is away only after some time without any connection, so that a link that breaks and comes back is not
seen as a leave and a join.
"""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final, NamedTuple

from msgspec.structs import replace

from chatd.chat.state import Room, User
from chatd.chat.status import own_status, status_in
from chatd.chat.world import World
from chatd.wire.messages import Presence, StatusInfo

GRACE: Final = 30.0
"""Seconds without a connection after which a user counts as away."""

AT_ONCE: Final = 1500
"""Followers that are told, or rooms that somebody's coming is noted for, in one turn: some milliseconds."""

FEW: Final = 20
"""Users of whom others are told at once, where somebody waits for that."""

NICKS_PER_MESSAGE: Final = 200
"""Nicks in one presence message, so that it fits into a frame."""

STATUSES_PER_MESSAGE: Final = 50
"""The same for what people say of themselves."""


class News(NamedTuple):
    """What one room is told: who has come and gone, and what people say of themselves."""

    online: list[str]
    offline: list[str]
    statuses: list[StatusInfo]


class PresenceBoard:
    """Collects comings and goings, and who is away or busy, and tells the rooms of it once in a while."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._changed: dict[User, None] = {}
        self._stated: dict[User, None] = {}
        self.watch: Callable[[User], None] = _watch_nobody
        world.tell_stated = self.restate

    def touch(self, user: User) -> None:
        """Note that a connection of ``user`` has come or gone; ``watch`` is called with the user."""
        self._changed[user] = None
        self.watch(user)

    def restate(self, user: User) -> None:
        """Note that ``user`` says something else of themselves, which is durable."""
        self._stated[user] = None

    def tell(self, now: float) -> Iterator[int]:
        """Tell the followers of every room concerned about the changes; ``now`` is in monotonic seconds.

        Yields behind each piece of work how much that was, in followers told; it may be taken up in a later
        turn, so that thousands who come at once make no turn long (P6).
        """
        news: dict[Room, News] = {}
        settled = dict.fromkeys(user for user in self._changed if self._settled(user, now))
        for user in settled | self._stated:
            stated = user in self._stated
            self._stated.pop(user, None)
            moved = user in settled and user.connected is not user.announced
            if user in settled:
                self._changed.pop(user, None)
            if moved:
                user.announced = user.connected
            elif not stated:
                continue
            yield from self._gather(user, news, moved=moved, stated=stated)
        for room, one in news.items():
            yield 1
            for message in _messages(room, one):
                yield from room.log.tell(message, AT_ONCE)

    def hurry(self, now: float) -> None:
        """Tell now what is known, unless that would be much; else it is told in its turn."""
        users = self._changed | self._stated
        if len(users) > FEW:
            return
        if sum(room.log.audience_size for user in users for room in user.rooms) <= AT_ONCE:
            for _ in self.tell(now):
                pass

    def _gather(self, user: User, news: dict[Room, News], *, moved: bool, stated: bool) -> Iterator[int]:
        """Add to ``news`` what the rooms of ``user`` are told of them; yields behind each piece of work."""
        rooms = [room for room in user.rooms if not room.members[user].reads_only]
        yield 1 + len(rooms)
        direct = iter(list(user.direct) if user.has("direct") else [])
        while some := list(islice(direct, AT_ONCE)):
            rooms += [room for room in some if room.log.audience_size]
            yield len(some)
        says = stated or (user.announced and own_status(self._world, user) is not None)
        online = user.announced
        for number, room in enumerate(rooms, 1):
            if number % AT_ONCE == 0:
                yield AT_ONCE
            one = news.get(room)
            if one is None:
                one = news[room] = News([], [], [])
            if moved:
                (one.online if online else one.offline).append(user.nick)
            if says:
                status = status_in(self._world, room, user) or StatusInfo()
                one.statuses.append(replace(status, nick=user.nick))

    def _settled(self, user: User, now: float) -> bool:
        if user.connected:
            user.away_since = None
            return True
        if user.away_since is None:
            user.away_since = now
        return now - user.away_since >= GRACE


def _watch_nobody(user: User) -> None:
    """Do nothing about a user who comes or goes."""


def _messages(room: Room, news: News) -> Iterator[Presence]:
    online, offline, statuses = news
    for begin in range(0, max(len(online), len(offline)), NICKS_PER_MESSAGE):
        end = begin + NICKS_PER_MESSAGE
        yield Presence(room=room.name, online=online[begin:end], offline=offline[begin:end])
    for begin in range(0, len(statuses), STATUSES_PER_MESSAGE):
        yield Presence(room=room.name, statuses=statuses[begin : begin + STATUSES_PER_MESSAGE])
