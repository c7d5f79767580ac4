"""Requests that wait for their answers: asked again on the next link where asking twice does no harm.

One person has one order: what was entered first takes effect first. Texts and commands wait in two places, so
each request knows the last send that was entered before it (its ``after``).

- A request that changes something is written once every send before it is answered, for a refused send would
  else come back behind it, and so is every such request before it. Joins may follow joins at once: the server
  takes them in order, and a join that is asked twice has no second effect.
- A send is written once every such request before it is answered; a join only has to be written.
- A request that only looks is written behind what changes something, but does not wait for sends.
- A read mark goes at once, and so does a join that the machine itself asks for when a link begins.
- A topic whose answer was lost waits until all is seen that the room has: if our own is among that, it was
  done, and asking again might undo what somebody else has set since.
"""

from collections.abc import Callable
from typing import Final

import msgspec
from msgspec import Struct

from chatd.wire.messages import (
    Acts,
    AddCertificate,
    Allow,
    Block,
    Certificates,
    FollowThread,
    History,
    Join,
    Leave,
    ListRooms,
    Members,
    Nick,
    Read,
    Remove,
    Request,
    Search,
    Sessions,
    Set,
    SetStatus,
    Threads,
    Topic,
)
from chatd.wire.names import fold

REPEATABLE: Final = (
    Join,
    Leave,
    Topic,
    Nick,
    Read,
    FollowThread,
    Threads,
    ListRooms,
    Members,
    History,
    Search,
    Acts,
    Set,
    SetStatus,
    Remove,
    Block,
    Allow,
    Sessions,
    Certificates,
    AddCertificate,
)
"""Requests whose repetition has no second effect."""


LOOKING: Final = (ListRooms, Members, History, Search, Threads, Acts, Sessions, Certificates)
"""Requests that change nothing, but see what those before them have changed."""


class Asked(Struct):
    """A request without its answer; ``wanted`` marks a join that the machine itself asked for.

    ``after`` is the key of the last send that was entered before it, and ``head`` of a topic the newest event
    that its room was known to have when it was first written.
    """

    message: Request
    written: bool = False
    again: bool = False
    wanted: str = ""
    after: int = 0
    head: int = 0

    @property
    def changing(self) -> bool:
        """Return whether it has its place in the order of what a person enters."""
        return not self.wanted and not isinstance(self.message, (Read, *LOOKING))

    @property
    def holding(self) -> bool:
        """Return whether what was entered behind it has to wait."""
        return not (self.written and isinstance(self.message, Join))


class Asking:
    """All requests without an answer, in the order they were asked, by id; so many are ``unwritten``."""

    __slots__ = ("_changing", "_next", "asked", "unwritten")

    def __init__(self) -> None:
        self.asked: dict[int, Asked] = {}
        self._changing: dict[int, Asked] = {}
        self.unwritten = 0
        self._next = 1

    def number(self) -> int:
        """Return an unused request id."""
        number = self._next
        self._next += 1
        return number

    def add(self, message: Request, wanted: str = "", after: int = 0) -> int:
        """Give ``message`` its id, and remember it as not yet written; return the id."""
        number = self.number()
        asked = Asked(msgspec.structs.replace(message, id=number), wanted=wanted, after=after)
        self.asked[number] = asked
        self.unwritten += 1
        if asked.changing:
            self._changing[number] = asked
        return number

    def writable(self, first: int | None, behind: Callable[[str], bool]) -> list[Asked]:
        """Return what may be written to the present link now, and take it as written.

        ``first`` is the key of the first send without an answer, None where there is none; ``behind`` tells
        whether the link has not brought yet all that a room had when it began.
        """
        found: list[Asked] = []
        open_before = holding_before = unwritten_before = False
        for asked in self.asked.values():
            if not asked.written:
                if asked.changing:
                    joins = isinstance(asked.message, Join)
                    waits = holding_before if joins else open_before
                    waits = waits or (first is not None and first <= asked.after)
                    if asked.again and isinstance(asked.message, Topic):
                        waits = waits or behind(asked.message.room)
                else:
                    waits = unwritten_before and isinstance(asked.message, LOOKING)
                if not waits:
                    asked.written = True
                    found.append(asked)
            if asked.changing:
                open_before = True
                holding_before = holding_before or asked.holding
                unwritten_before = unwritten_before or not asked.written
        self.unwritten -= len(found)
        return found

    def last_send(self) -> int | None:
        """Return the key of the last send that may be written now; None if any may."""
        return next((asked.after for asked in self._changing.values() if asked.holding), None)

    def leaving(self) -> list[str]:
        """Return the rooms that were left on an earlier link, as far as anybody knows."""
        return [
            asked.message.room
            for asked in self._changing.values()
            if asked.again and isinstance(asked.message, Leave)
        ]

    @property
    def delayed(self) -> bool:
        """Return whether a request that changes something waits to be written."""
        return bool(self._changing) and not all(asked.written for asked in self._changing.values())

    def seen_topic(self, room: str, text: str, seq: int) -> int | None:
        """Return the request that has set the topic of event ``seq``, as is seen now; no answer came."""
        for number, asked in self._changing.items():
            message = asked.message
            if not isinstance(message, Topic) or not asked.again or asked.written or seq <= asked.head:
                continue
            if message.text == text and fold(message.room) == fold(room):
                return number
        return None

    def unread(self, room: str, seq: int) -> None:
        """Mark no event of ``room`` beyond ``seq`` as read: those that were seen are not there any more."""
        for asked in self.asked.values():
            message = asked.message
            if isinstance(message, Read) and message.room == room and message.seq > seq:
                asked.message = msgspec.structs.replace(message, seq=seq)

    def answered(self, number: int) -> Asked | None:
        """Take out the request that ``number`` names."""
        asked = self.asked.pop(number, None)
        self._changing.pop(number, None)
        if asked is not None and not asked.written:
            self.unwritten -= 1
        return asked

    def cancel(self, number: int) -> None:
        """Ask for ``number`` no more; an answer on its way is not waited for."""
        self.answered(number)

    def restart(self) -> list[int]:
        """Note that the link is gone; return, and forget, what cannot be asked again."""
        lost = []
        for number, asked in list(self.asked.items()):
            if asked.wanted or (asked.written and not isinstance(asked.message, REPEATABLE)):
                self.answered(number)
                if not asked.wanted:
                    lost.append(number)
            elif asked.written:
                asked.written, asked.again = False, True
                self.unwritten += 1
        return lost
