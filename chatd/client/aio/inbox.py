"""The inbox: events that came and were not taken yet, and when no more of them are read."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from chatd.client.aio.event import Event
from chatd.client.core.problems import ClientError
from chatd.wire.names import fold

HIGH: Final = 500
"""Events that wait when reading is paused: enough to keep a fast loop busy, some hundred KiB at most."""

LOW: Final = 100
"""Events that wait when it goes on."""

EARLY: Final = 1000
"""Events that are held of rooms which nobody follows yet."""


class Follower:
    """The events of ``rooms``, of all without, that wait for one ``async for``."""

    def __init__(self, rooms: frozenset[str], waiting: deque[Event]) -> None:
        self.rooms = rooms
        self.waiting = waiting
        self.wake = asyncio.Event()

    def wants(self, room: str) -> bool:
        """Return whether events of ``room`` are wanted."""
        return not self.rooms or fold(room) in self.rooms


class Inbox:
    """Hands events out to followers, and calls ``read`` with whether more of them may come.

    While somebody waits for an answer everything is read: the answer comes behind the events.
    """

    def __init__(self, read: Callable[[bool], None], *, strict: bool) -> None:
        self._read = read
        self._strict = strict
        self._early: deque[Event] = deque(maxlen=EARLY)
        self._dropped: set[str] = set()
        self._followers: list[Follower] = []
        self._asking = 0
        self._reading = True
        self.end: ClientError | None = None

    def put(self, event: Event) -> None:
        """Take in the next event of a room."""
        wanting = [one for one in self._followers if one.wants(event.room)]
        for one in wanting:
            one.waiting.append(event)
            one.wake.set()
        if not wanting:
            if len(self._early) == EARLY:
                self._dropped.add(fold(self._early[0].room))
            self._early.append(event)
        self._balance()

    def close(self, why: ClientError) -> None:
        """Note that nothing comes any more."""
        self.end = self.end or why
        for one in self._followers:
            one.wake.set()

    def follow(self, rooms: tuple[str, ...]) -> Follower:
        """Return a follower, which begins with what nobody else has followed before.

        Raises `ClientError` ``followed-late`` where some of that is not held any more and would be missing.
        """
        one = Follower(frozenset(map(fold, rooms)), deque())
        if self._strict and any(one.wants(room) for room in self._dropped):
            raise ClientError(
                "followed-late",
                f"More than {EARLY} events came before follow(); call it sooner.",
            )
        kept = [event for event in self._early if not one.wants(event.room)]
        one.waiting.extend(event for event in self._early if one.wants(event.room))
        self._early.clear()
        self._early.extend(kept)
        self._followers.append(one)
        return one

    def leave(self, one: Follower) -> None:
        """Let ``one`` follow no more."""
        self._followers.remove(one)
        self._balance()

    async def next(self, one: Follower) -> Event:
        """Return the next event for ``one``; raises `ClientError` when none comes any more."""
        while not one.waiting:
            if self.end is not None:
                raise self.end
            one.wake.clear()
            await one.wake.wait()
        event = one.waiting.popleft()
        self._balance()
        return event

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
