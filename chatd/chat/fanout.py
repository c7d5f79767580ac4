"""Fan-out: renders the growth of a log once per codec, and hands it to all followers who speak that."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from chatd.chat.codec import Codec
from chatd.wire.messages import Message

if TYPE_CHECKING:
    from chatd.chat.log import Log

Outlet = Callable[[bytes], int]
"""Takes the growth for a follower: returns how many bytes it took, or raises OSError for none.

It is called once per delivery, so it should be the system's own call wherever possible (P6).
"""


class Follower(Protocol):
    """A connection at the head of a log, which is handed the growth in the bytes of ``codec``."""

    codec: Codec

    def hand(self, data: bytes, /) -> None:
        """Take whole messages that are in no log."""

    def rest(self, data: bytes, /) -> None:
        """Take the bytes that the outlet did not take."""

    def overhears(self, typist: object, /) -> bool:
        """Return whether it is to be told that ``typist`` types, and nothing else waits to be written."""

    def leave_behind(self, log: "Log", cursor: int) -> None:
        """Be no follower for now; the events above ``cursor`` are to be fetched."""

    def fault(self) -> None:
        """End because of the current exception, which concerns this follower alone (P8)."""


class Group:
    """Followers who are to catch up from behind event ``cursor``, where they stood at the head together.

    They are taken out of it one by one (`leave`), since thousands make no turn long (P6). ``passed`` counts
    the bytes that had been rendered for them.
    """

    __slots__ = ("_leaving", "cursor", "members", "passed")

    def __init__(self, cursor: int, passed: int, members: "dict[Follower, Outlet]") -> None:
        self.cursor = cursor
        self.passed = passed
        self.members = members
        self._leaving: Follower | None = None

    def __contains__(self, follower: Follower) -> bool:
        return follower in self.members or follower is self._leaving

    def leave(self, log: "Log", most: int) -> int:
        """Let at most ``most`` of them catch up by themselves; return how many these were."""
        count = min(most, len(self.members))
        for _ in range(count):
            self._leaving = follower = self.members.popitem()[0]
            try:
                follower.leave_behind(log, self.cursor)
            except Exception:  # noqa: BLE001 - a fault costs that follower alone (P8)
                follower.fault()
        self._leaving = None
        return count


class Audience:
    """The followers of one log who speak ``codec``.

    ``untold`` are those who have not been handed the latest growth. ``volume`` counts all bytes that were
    rendered for the followers. ``page`` holds the number and the bytes of the recent events that were last
    ``asked`` for by lagging readers.
    """

    __slots__ = ("_grown", "asked", "codec", "followers", "page", "untold", "volume")

    def __init__(self, codec: Codec) -> None:
        self.codec = codec
        self.followers: dict[Follower, Outlet] = {}
        self.untold: dict[Follower, Outlet] = {}
        self.volume = 0
        self._grown = b""
        self.forget_page()

    def grow(self, events: list[bytes]) -> int:
        """Owe ``events`` to every follower; return how many followers there are."""
        self._grown = grown = self.codec.render(events)
        self.volume += len(grown)
        self.untold = untold = self.followers.copy()
        return len(untold)

    def deliver(self, most: int) -> int:
        """Hand the growth to at most ``most`` of the untold; return to how many."""
        untold, grown = self.untold, self._grown
        size = len(grown)
        count = min(most, len(untold))
        for _ in range(count):
            follower, outlet = untold.popitem()
            try:
                try:
                    taken = outlet(grown)
                except OSError:
                    taken = 0
                if taken < size:
                    follower.rest(grown[taken:])
            except Exception:  # noqa: BLE001 - a fault costs that follower alone (P8)
                follower.fault()
        if not untold:
            self._grown = b""
        return count

    def tell(self, message: Message, most: int) -> Iterator[int]:
        """Hand every follower a message that is in no log; yields how many were told behind each ``most``."""
        data = self.codec.encode(message)
        followers = list(self.followers)
        for begin in range(0, len(followers), most):
            told = followers[begin : begin + most]
            for follower in told:
                if follower not in self.followers:  # it may have gone since the turn before
                    continue
                try:
                    follower.hand(data)
                except Exception:  # noqa: BLE001 - a fault costs that follower alone (P8)
                    follower.fault()
            yield len(told)

    def whisper(self, message: Message, typist: object) -> int:
        """Hand ``message``, which is about ``typist``, to who is to overhear that; return to how many."""
        data, count = b"", 0
        for follower in list(self.followers):
            try:
                if follower not in self.untold and follower.overhears(typist):
                    data = data or self.codec.encode(message)
                    follower.hand(data)
                    count += 1
            except Exception:  # noqa: BLE001 - a fault costs that follower alone (P8)
                follower.fault()
        return count

    def passed(self, follower: Follower) -> int:
        """Return how much of ``volume`` lies before the place where ``follower`` stands."""
        return self.volume - len(self._grown) if follower in self.untold else self.volume

    def cut(self, most: int, cursor: int) -> Group:
        """Keep ``most`` of the followers, who stand at event ``cursor``, and return the others."""
        others = self.followers
        self.followers = {follower: others.pop(follower) for follower in list(islice(others, most))}
        return Group(cursor, self.volume, others)

    def dismiss(self, follower: Follower) -> None:
        """Let ``follower`` go; it is handed nothing any more."""
        self.followers.pop(follower, None)
        self.untold.pop(follower, None)

    def make_page(self, asked: tuple[int, int, int], events: list[bytes]) -> None:
        """Render ``events``, for all who ask for the same."""
        self.asked, self.page = asked, (len(events), self.codec.render(events))

    def forget_page(self) -> None:
        """Keep no page in memory."""
        self.asked, self.page = (0, 0, 0), (0, b"")
