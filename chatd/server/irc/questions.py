"""Questions: what a client has asked the hub and the disk, and how what asked goes on with the answer."""

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, Final

from twisted.internet.defer import Deferred

from chatd.chat.state import Room
from chatd.server import dialogue
from chatd.server.connection import ChatConnection
from chatd.server.states import State
from chatd.wire.errors import RequestError
from chatd.wire.messages import Error, Message, Ok, Request
from chatd.wire.stored import known_time_of

AGAIN: Final = 0.2
"""Seconds after which it is looked at again whether a client takes more."""


class RefusedError(RequestError):
    """A request was refused; its ``answer`` says why."""

    def __init__(self, answer: Error) -> None:
        super().__init__(answer.code, answer.text)  # type: ignore[arg-type]
        self.answer = answer


class Questions:
    """The questions of the client on ``connection``, each with what takes its answer."""

    __slots__ = ("_connection", "_pending", "_serial")

    def __init__(self, connection: ChatConnection) -> None:
        self._connection = connection
        self._pending: dict[int, Callable[[Ok | Error], None]] = {}
        self._serial = count(1)

    @property
    def open(self) -> bool:
        """Return whether something has no answer yet."""
        return bool(self._pending)

    def put(self, make: Callable[[int], Request], size: int, then: Callable[[Ok | Error], None]) -> None:
        """Ask what ``make`` makes of an id; ``then`` is called with the answer."""
        number = next(self._serial)
        self._pending[number] = then
        dialogue.decide(self._connection, make(number), size)

    def reserve(self, count: int, then: Callable[[Ok | Error], None]) -> list[int]:
        """Return so many ids of questions that are put together; ``then`` is called with each answer."""
        ids = [next(self._serial) for _ in range(count)]
        self._pending.update(dict.fromkeys(ids, then))
        return ids

    def give_back(self, ids: Sequence[int]) -> None:
        """Forget those of `reserve` that were not put."""
        for number in ids:
            del self._pending[number]

    async def ask(
        self, make: Callable[[int], Request], at_once: Callable[[Ok], None] | None = None, size: int = 64
    ) -> Ok:
        """Return the answer to what ``make`` makes of an id. Raises `RefusedError`.

        ``at_once`` is called when it is granted, before others are told.
        """
        answered: Deferred[Any] = Deferred()

        def then(answer: Ok | Error) -> None:
            if at_once is not None and isinstance(answer, Ok):
                at_once(answer)
            self._later(answered, answer)

        self.put(make, size, then)
        answer = await answered
        if isinstance(answer, Error):
            raise RefusedError(answer)
        if not isinstance(answer, Ok):
            raise TypeError(answer)
        return answer

    async def settle(self) -> None:
        """Wait until all that was decided is on the disk, and was handed out."""
        settled: Deferred[Any] = Deferred()

        def later() -> Sequence[Message]:
            self._later(settled, None)
            return ()

        hub = self._connection.server.hub
        hub.world.batch.tell(self._connection, later)
        hub.call()
        await settled

    async def event_time(self, room: Room, seq: int) -> int:
        """Return when event ``seq`` of ``room`` was, in milliseconds since 1970; 0 if that cannot be read."""
        read: Deferred[Any] = Deferred()
        self._connection.server.reads.read(
            room.log, seq, seq, 1, False, lambda events: self._later(read, events)
        )
        events = await read
        return known_time_of(events[0]) if events else 0

    async def rest(self) -> None:
        """Let everything else have its turn."""
        rested: Deferred[Any] = Deferred()
        self._later(rested, None)
        await rested

    def _later(self, deferred: "Deferred[Any]", value: object) -> None:
        """Go on in the next turn: now everybody is being told of a batch."""
        self._connection.server.clock.callLater(0, self._wake, deferred, value)

    def _wake(self, deferred: "Deferred[Any]", value: object) -> None:
        """Let what waits go on, once the client takes more: no command writes far ahead of it (P5)."""
        connection = self._connection
        if connection.ready:
            deferred.callback(value)
        elif connection.state is not State.CLOSING:
            connection.server.clock.callLater(AGAIN, self._wake, deferred, value)

    def answered(self, answer: Ok | Error) -> None:
        """Hand ``answer`` to what has asked."""
        number = answer.id
        then = None if number is None else self._pending.pop(number, None)
        if then is not None:
            then(answer)

    def let_go(self) -> None:
        """Forget all: the connection is gone."""
        self._pending.clear()
