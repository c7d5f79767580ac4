"""A batch: what is decided between two commits, and what is said once it is durable."""

from collections.abc import Callable, Sequence

from chatd.chat.log import Log
from chatd.chat.state import Peer, Session
from chatd.chat.storage import Change, Changes
from chatd.wire.messages import Event, Message
from chatd.wire.stored import pack

Answer = Message | Callable[[], Sequence[Message]]
"""A message, or a function that is called after the commit and returns messages."""


CHANGE_BYTES = 200
"""Bytes that any other change takes, about."""


class Batch:
    """Events, changes and answers that stand or fall together.

    ``answers`` holds, per peer and in order, the id of each request (None for a hello) and its answer. All
    answers wait for the commit, those that only read too, so that nobody is told what may be taken back.
    ``undone`` is whether the commit has failed, ``size`` about the bytes that are to be written.
    """

    __slots__ = ("_others", "_undo", "answers", "events", "sends", "size", "undone")

    def __init__(self) -> None:
        self.events: dict[Log, list[bytes]] = {}
        self.sends: dict[Session, int] = {}
        self.answers: dict[Peer, list[tuple[int | None, Answer]]] = {}
        self.undone = False
        self.size = 0
        self._others: list[Change] = []
        self._undo: list[Callable[[], None]] = []

    def __bool__(self) -> bool:
        return bool(self.answers or self.events or self._others)

    def add_event(self, log: Log, event: Event) -> None:
        """Add the event that ``log`` has just numbered, in the bytes that are kept of it."""
        stored = pack(event)
        self.size += len(stored)
        events = self.events.get(log)
        if events is None:
            self.events[log] = [stored]
        else:
            events.append(stored)

    def add_send(self, session: Session) -> None:
        """Count a send of ``session``; what was last before is remembered for `undo`."""
        if session not in self.sends:
            self.sends[session] = session.last
        session.last += 1

    def add_change(self, change: Change, undo: Callable[[], None] | None = None) -> None:
        """Add any other ``change``, and how the state in memory is put back if it fails."""
        self.size += CHANGE_BYTES
        self._others.append(change)
        if undo is not None:
            self._undo.append(undo)

    def answer(self, peer: Peer, request: int | None, answer: Answer) -> None:
        """Answer ``request`` of ``peer`` after the commit."""
        entry = (request, answer)
        answers = self.answers.get(peer)
        if answers is None:
            self.answers[peer] = [entry]
        else:
            answers.append(entry)

    def changes(self) -> Changes:
        """Return what the store is to write; ask before another batch numbers events."""
        return Changes(
            [(log.id, log.last - len(events) + 1, events) for log, events in self.events.items()],
            [(session.last, session.id) for session in self.sends],
            list(self._others),
        )

    def undo(self) -> None:
        """Put the state in memory back to what it was before."""
        for log in self.events:
            log.forget_uncommitted()
        for session, last in self.sends.items():
            session.last = last
        for undo in reversed(self._undo):
            undo()
        self.undone = True
