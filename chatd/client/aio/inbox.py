"""The inbox: events that came and were not taken yet, and when no more of them are read."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from chatd.client.aio.event import Event
from chatd.client.core.problems import ClientError
from chatd.wire.names import fold

HIGH: Final = 500
"""Events that wait when reading is paused: enough to keep a fast loop busy, some hundred KiB at most."""

LOW: Final = 100
"""Events that wait when it goes on."""


MOST: Final = 2000
"""Events that wait when more of them, read for the answer behind them, are let go and read again later."""

Again = Callable[[str, int, int], Awaitable[list[Event]]]
"""Reads events of a room once more, from one number up to another, or the first of them."""


@dataclass(slots=True)
class Skipped:
    """Events ``first`` to ``last`` of ``room`` came, and are not held: the server has them."""

    room: str
    first: int
    last: int


class Follower:
    """What waits for one ``async for`` over ``rooms``, or over all: first its ``page``, then ``waiting``."""

    def __init__(self, rooms: frozenset[str]) -> None:
        self.rooms = rooms
        self.page: deque[Event] = deque()
        self.waiting: deque[Event | Skipped] = deque()
        self.skipping: dict[str, Skipped] = {}
        self.wake = asyncio.Event()

    def add(self, event: Event) -> None:
        """Hold ``event``, or of too many only its number."""
        skipped = self.skipping.get(event.room)
        if len(self.waiting) < MOST or event.stored is None:
            self.skipping.pop(event.room, None)
            self.waiting.append(event)
        elif skipped is not None and skipped.last + 1 == event.seq:
            skipped.last = event.seq
        else:
            self.skipping[event.room] = skipped = Skipped(event.room, event.seq, event.seq)
            self.waiting.append(skipped)

    def take(self, other: "Follower") -> None:
        """Take over what ``other`` holds of the rooms that are wanted here."""
        held, other.waiting = other.waiting, deque()
        for each in held:
            (self if self.wants(each.room) else other).waiting.append(each)
        other.skipping = {room: skipped for room, skipped in other.skipping.items() if not self.wants(room)}

    async def load(self, skipped: Skipped, again: Again) -> None:
        """Read the first of what was ``skipped``, which waits in front, once more."""
        self.skipping.pop(skipped.room, None)
        self.page.extend(await again(skipped.room, skipped.first, skipped.last))
        skipped.first = self.page[-1].seq + 1
        if skipped.first > skipped.last:
            self.waiting.popleft()

    def wants(self, room: str) -> bool:
        """Return whether events of ``room`` are wanted."""
        return not self.rooms or fold(room) in self.rooms


class Inbox:
    """Hands events out to followers, and calls ``read`` with whether more of them may come.

    While somebody waits for an answer everything is read: the answer comes behind the events. Those that are
    too many are let go, and read ``again`` when it is their turn.
    """

    def __init__(self, read: Callable[[bool], None], again: Again) -> None:
        self._read = read
        self._again = again
        self._early = Follower(frozenset())
        self._followers: list[Follower] = []
        self._asking = 0
        self._reading = True
        self.end: ClientError | None = None

    def put(self, event: Event) -> None:
        """Take in the next event of a room."""
        wanting = [one for one in self._followers if one.wants(event.room)]
        for one in wanting:
            one.add(event)
            one.wake.set()
        if not wanting:
            self._early.add(event)
        self._balance()

    def close(self, why: ClientError) -> None:
        """Note that nothing comes any more."""
        self.end = self.end or why
        for one in self._followers:
            one.wake.set()

    def follow(self, rooms: tuple[str, ...]) -> Follower:
        """Return a follower, which begins with what came of its rooms while nobody followed them."""
        one = Follower(frozenset(map(fold, rooms)))
        one.take(self._early)
        self._followers.append(one)
        return one

    def leave(self, one: Follower) -> None:
        """Let ``one`` follow no more."""
        self._followers.remove(one)
        self._balance()

    async def next(self, one: Follower) -> Event:
        """Return the next event for ``one``; raises `ClientError` when none comes any more."""
        while not one.page:
            if not one.waiting:
                if self.end is not None:
                    raise self.end
                one.wake.clear()
                await one.wake.wait()
                continue
            first = one.waiting[0]
            if isinstance(first, Skipped):
                await one.load(first, self._again)
            else:
                one.waiting.popleft()
                self._balance()
                return first
        self._balance()
        return one.page.popleft()

    def asking(self, change: int) -> None:
        """Note that so many more, or fewer, wait for an answer."""
        self._asking += change
        self._balance()

    def _balance(self) -> None:
        most = max((len(one.waiting) for one in self._followers), default=0)
        on = self._asking > 0 or most <= (HIGH - 1 if self._reading else LOW)
        if on != self._reading:
            self._reading = on
            self._read(on)
