"""A batch: the decisions between two commits, and the answers that are given once they are durable."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, ClassVar, NamedTuple

from chatd.chat import later as lazy
from chatd.chat.changes.applying import undo
from chatd.chat.changes.inverses import Applied
from chatd.chat.changes.records import Records
from chatd.chat.changes.rows import Change, Erase, PutStatus, Relation, Reword
from chatd.chat.counting import bits_of
from chatd.chat.log import Log
from chatd.chat.state import Peer, Room, Session, User
from chatd.chat.storage import Changes
from chatd.chat.sweeps import Sweep
from chatd.chat.told import told_of
from chatd.wire.errors import RequestError
from chatd.wire.messages import Error, Event, Message, Ok
from chatd.wire.stored import pack

Answer = Ok | Error
"""What answers a request, which it names."""

Later = Callable[[], Sequence[Message]]
"""A function that is called after the commit and returns messages, such as a welcome."""


EVENT_BYTES = 200
"""Bytes that an event takes beside its text, about."""

CHANGE_BYTES = 200
"""Bytes that any other change takes, about."""


class Removal(NamedTuple):
    """A membership that has ended: ``user`` follows ``room`` up to event ``seq`` and no further.

    ``since`` is the event by which they had joined, ``sweep`` what removed them among many.
    """

    room: Room
    user: User
    seq: int
    since: int = 0
    sweep: Sweep | None = None


def refusal(request: int, error: RequestError) -> Error:
    """Return the answer that refuses ``request`` because of ``error``."""
    return Error(
        id=request, code=error.code, text=error.text, suggest=error.suggest, retry_after=error.retry_after
    )


def _rare(make: Callable[[], object]) -> Callable[[Any], object]:
    """Return what makes a container of a batch that is not plain from then on."""

    def made(batch: "Batch") -> object:
        batch.plain = False
        return make()

    return made


class Batch(lazy.Later):
    """Events, changes and answers that are committed or taken back together.

    ``events`` holds, per log, what was numbered, until `changes` encodes all of it at once; from then on
    ``stored`` holds it in the bytes that are stored, in which some of it may have come.
    ``answers`` holds, per peer and in order, the answers to its requests; ``later`` the same for those peers
    who are also told something that is made only after the commit. All answers wait for the commit, even to
    requests that only read, so that nobody is told what may be taken back. It is ``plain`` if nothing is to
    be told or taken in of it but answers, and that logs grow. What follows is made when it is needed:
    ``ends`` are the memberships that end, ``follows`` who follows a room from behind which event on,
    ``narrowed`` the rooms of which members may read less from now on, ``erased`` the events whose content is
    erased, each as it was, ``reworded`` those whose earlier wording is, ``related`` the edits and reactions;
    ``deleted`` are those whose accounts are deleted, ``stated`` those who say something else of themselves,
    ``renamed`` those with another nick, each with the old and the new one. ``counted`` says which of the
    stored events count, ``unread`` in what rooms it changes for whom what is unread, otherwise than by their
    growth; ``gone`` up to which event that changes for everybody, ``trimmed`` which event is the first one
    from now on.
    ``undone`` is whether the commit has failed, ``size`` about the bytes to be written.
    """

    __slots__ = (
        "_inverses",
        "_others",
        "answers",
        "counted",
        "deleted",
        "ends",
        "erased",
        "events",
        "follows",
        "gone",
        "later",
        "narrowed",
        "plain",
        "related",
        "renamed",
        "reworded",
        "sends",
        "size",
        "stated",
        "stored",
        "trimmed",
        "undone",
        "unread",
    )

    LATER: ClassVar = {
        **dict.fromkeys(
            ("ends", "follows", "reworded", "erased", "deleted", "stated", "renamed", "related"), _rare(list)
        ),
        **dict.fromkeys(("narrowed", "unread", "gone", "trimmed"), _rare(dict)),
    }

    ends: list[Removal]
    follows: list[tuple[Room, User, int]]
    narrowed: dict[Room, None]
    reworded: list[tuple[Room, Reword]]
    erased: list[tuple[Room, Erase, Event, User | None]]
    deleted: list[User]
    stated: list[tuple[User, PutStatus | None]]
    renamed: list[tuple[User, str, str]]
    related: list[tuple[Log, Relation]]
    unread: dict[tuple[Room, User, int], None]
    gone: dict[Room, int]
    trimmed: dict[Log, int]

    def __init__(self) -> None:
        self.events: dict[Log, list[Event | bytes]] = {}
        self.stored: dict[Log, list[bytes]] = {}
        self.sends: dict[Session, int] = {}
        self.answers: dict[Peer, list[Answer]] = {}
        self.later: dict[Peer, list[Answer | Later]] = {}
        self.counted: dict[Log, int] = {}
        self.plain = True
        self.undone = False
        self.size = 0
        self._others: list[Change] = []
        self._inverses: list[Applied] = []

    def __bool__(self) -> bool:
        return bool(self.answers or self.later or self.events or self._others or self.sends)

    def add_event(self, log: Log, event: Event, session: Session | None = None) -> None:
        """Add the event that ``log`` has just numbered, and count it if it is a send of ``session``."""
        text = event.text
        self.size += EVENT_BYTES + (len(text) if text.isascii() else 4 * len(text))
        events = self.events.get(log)
        if events is None:
            self.events[log] = [event]
        else:
            events.append(event)
        if session is not None:
            if session not in self.sends:
                self.sends[session] = session.last  # `undo` needs the number that was last before
            session.last += 1

    def add_sends(self, log: Log, events: list[Event], session: Session) -> None:
        """Add the events that ``log`` has just numbered, each of which is a send of ``session``."""
        texts = [event.text for event in events]
        size = sum([len(text) if text.isascii() else 4 * len(text) for text in texts])
        self.size += EVENT_BYTES * len(events) + size
        self.events.setdefault(log, []).extend(events)
        if session not in self.sends:
            self.sends[session] = session.last
        session.last += len(events)

    def add_stored(self, log: Log, stored: list[bytes], size: int, session: Session) -> None:
        """Add messages that ``log`` has just numbered, as they are stored, which are sends of ``session``.

        Their texts have ``size`` bytes.
        """
        self.size += EVENT_BYTES * len(stored) + size
        self.events.setdefault(log, []).extend(stored)
        if session not in self.sends:
            self.sends[session] = session.last
        session.last += len(stored)

    def count_send(self, session: Session) -> None:
        """Count a numbered request of ``session`` that has no event of its own."""
        self.sends.setdefault(session, session.last)
        session.last += 1

    def relate(self, log: Log, change: Relation) -> None:
        """Let readers of the disk know, after the commit, what ``change`` says about an event of ``log``."""
        self.related.append((log, change))

    def end(self, removal: Removal) -> None:
        """Let the connections of a removed user follow the room no further."""
        self.ends.append(removal)

    def narrow(self, room: Room) -> None:
        """Let readers of ``room`` that lag skip what their users may not read any more."""
        self.narrowed[room] = None

    def erase(self, room: Room, erased: Erase, event: Event, author: User | None) -> None:
        """Let nobody have what ``event`` of ``room`` says, nor the file that it posts, after the commit.

        It is what ``author`` has said.
        """
        self.erased.append((room, erased, event, author))

    def touch(self, room: Room, user: User, thread: int = 0) -> None:
        """Tell ``user``, after the commit, what is unread in ``room``, or in one ``thread`` of it."""
        self.unread[room, user, thread] = None

    def touch_all(self, room: Room, seq: int) -> None:
        """Tell all who have not read event ``seq`` of ``room``, after the commit, what is unread there."""
        self.gone[room] = max(self.gone.get(room, 0), seq)

    def trim(self, room: Room, first: int) -> None:
        """Let ``first`` be the first event of ``room`` that is kept, after the commit."""
        self.trimmed[room.log] = first
        self.touch_all(room, first - 1)

    def add_change(self, change: Change, inverse: Applied) -> None:
        """Add any other ``change``, which was applied in memory, and what takes it back there."""
        self.size += CHANGE_BYTES
        self._others.append(change)
        self._inverses.append(inverse)

    def add_inverse(self, inverse: Applied) -> None:
        """Add what takes something back that is kept in memory alone."""
        self._inverses.append(inverse)

    def answer(self, peer: Peer, answer: Answer) -> None:
        """Answer a request of ``peer`` after the commit."""
        answers = self.answers.get(peer)
        if answers is not None:
            answers.append(answer)
        elif peer in self.later:
            self.later[peer].append(answer)
        else:
            self.answers[peer] = [answer]

    def answer_all(self, peer: Peer, answers: list[Answer]) -> None:
        """Answer requests of ``peer`` after the commit."""
        before = self.answers.get(peer)
        if before is not None:
            before += answers
        elif peer in self.later:
            self.later[peer] += answers
        else:
            self.answers[peer] = answers

    def tell(self, peer: Peer, later: Later) -> None:
        """Tell ``peer`` after the commit what ``later`` returns then."""
        told = self.later.get(peer)
        if told is None:
            self.later[peer] = [*self.answers.pop(peer, ()), later]
        else:
            told.append(later)

    def told(self) -> Iterator[tuple[Peer, Sequence[Answer | Later]]]:
        """Yield everybody who is told something, with all of it."""
        yield from self.answers.items()
        yield from self.later.items()

    def forget(self, peer: Peer) -> None:
        """Tell ``peer`` nothing any more."""
        self.answers.pop(peer, None)
        self.later.pop(peer, None)

    def changes(self) -> Changes:
        """Return the changes that the store is to write. Ask once, before another batch numbers events."""
        for log, events in self.events.items():
            self.counted[log] = bits_of(events)
            self.stored[log] = pack(events)
            events.clear()  # they are not kept twice
        return Changes(
            [(log.id, log.last - len(stored) + 1, stored) for log, stored in self.stored.items()],
            [(session.last, session.id) for session in self.sends],
            list(self._others),
            told=None if self.plain else partial(told_of, self),
        )

    def let_go(self) -> None:
        """Hold nothing any more but whether it was undone: everybody was told, and may know the batch."""
        for held in (self.answers, self.later, self.stored, self.sends, self.counted):
            held.clear()
        self._others.clear()
        self._inverses.clear()
        if not self.plain:
            for name in self.LATER:
                getattr(self, name).clear()

    def undo(self, records: Records) -> None:
        """Put ``records`` back to what it was before."""
        for log in self.events:
            log.forget_uncommitted()
        for session, last in self.sends.items():
            session.last = last
        undo(records, self._inverses)
        self.undone = True
