"""Orders: what the program wants to have said, asked and moved, as inputs of the machine."""

from collections.abc import Iterable

from chatd.client.core.effects import Effect
from chatd.client.core.links import Links
from chatd.client.core.outbox import SAY, Entry
from chatd.client.core.output import Output
from chatd.client.core.pump import Pump
from chatd.client.core.requests import Requests
from chatd.client.core.rooms import Rooms
from chatd.client.core.steps import Step
from chatd.client.core.typing import Typist
from chatd.wire import messages as m


class Orders:
    """Hands on to ``requests``; every order returns the effects to be performed, as all inputs do."""

    def __init__(self, requests: Requests, rooms: Rooms, links: Links, pump: Pump, out: Output) -> None:
        self._requests = requests
        self._rooms = rooms
        self._out = out
        self._links = links
        self._pump = pump
        self._typist = Typist(rooms, links, requests.outbox, out)

    def queue(
        self,
        room: str,
        text: str,
        now: float,
        file: m.File | None = None,
        kept: int | None = None,
        act: str = SAY,
        ref: int = 0,
    ) -> tuple[int, list[Effect]]:
        """Append a send to the outbox, or what ``act`` does about event ``ref``; return its key and effects.

        The upload ``kept`` for it in the profile is forgotten in the transaction that remembers the send.
        """
        self._typist.pause(room)
        key = self._requests.sends.queue(room, text, file, kept, act, ref)
        self._pump.run(now)
        return key, self._pump.effects()

    def done(
        self, room: str, seq: int, answers: Iterable[tuple[str, str, int]], now: float
    ) -> tuple[list[int], list[Effect]]:
        """Note that the events of ``room`` up to ``seq`` are done, and append ``answers``, both in one write.

        An answer is a room, a text and the event that it replies to, 0 for none. Return the keys and effects.
        """
        wire = self._rooms.room_of(room) or room
        self._rooms.seen.done(wire, seq)
        keys = [self._requests.sends.queue(to, text, None, None, SAY, ref) for to, text, ref in answers]
        self._out.save()
        self._pump.run(now)
        return keys, self._pump.effects()

    def take_over(self, entries: Iterable[Entry], now: float) -> list[Effect]:
        """Append sends that were taken over from another server, and are on disk already."""
        self._requests.sends.take_over(entries)
        self._pump.run(now)
        return self._pump.effects()

    def withdraw(self, keys: set[int]) -> list[Effect]:
        """Take back sends that are not known to be accepted; once that is saved, what is behind goes on."""
        self._requests.sends.withdraw(keys)
        return self._pump.effects()

    def ask(self, message: m.Request, now: float) -> tuple[int, list[Effect]]:
        """Ask ``message``, now or once there is a link; return the id that its `Reply` names, and effects."""
        number = self._requests.enter(message)
        link = self._links.open
        if link is not None:
            self._requests.ask(link, now)
        return number, self._pump.effects()

    def cancel(self, number: int, now: float) -> list[Effect]:
        """Ask for ``number`` no more; an answer on its way is not waited for."""
        self._requests.asking.cancel(number)
        self._pump.run(now)
        return self._pump.effects()

    def type(self, room: str, now: float) -> list[Effect]:
        """Let others know that somebody types in ``room``, if that can be told now."""
        self._typist.type(room, now)
        return self._pump.effects()

    def transfer(self, step: Step, now: float) -> list[Effect]:
        """Begin or end a transfer, or take in what became of one of its errands."""
        self._requests.transfers.step(step)
        self._pump.run(now)
        return self._pump.effects()
