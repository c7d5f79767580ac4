"""Concerns: what the events of a log say that concerns its members, whom they mention and who follows what.

Mentions and threads are kept until somebody has read them, leaves, or has too many of them
(`chatd.chat.mentions`, `chatd.chat.threads`), which no event tells. So a row may lack; here it is said which
ones cannot.
"""

from array import array
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Final, NamedTuple

from chatd.chat.changes.rows import PutMention, PutThread
from chatd.chat.crowd import Membership
from chatd.chat.mentioned import everybody_but
from chatd.chat.mentions import EVERYBODY
from chatd.chat.names import USER_SIGN
from chatd.chat.relations import KINDS
from chatd.wire.limits import MAX_UNREAD_MENTIONS
from chatd.wire.messages import Event
from chatd.wire.names import fold as key_of
from chatd.wire.stored import REMOVED

_WORDED: Final = KINDS | {"edit"}

_ABOUT: Final = frozenset({"react", "unreact", "pin", "unpin", "topic", "remove"})
"""Kinds of events about what was said; other ones may let a nick be another one's."""


class Kept(NamedTuple):
    """What is kept beside a log that concerns its ``members``, who are by the ids of their users."""

    members: Mapping[int, Membership]
    mentions: Collection[PutMention]
    threads: Collection[PutThread]


class _Said:
    """Whom something said by ``author`` mentions, and by which event.

    ``nicks`` are those of the last wording. It is ``sure`` as long as it is known who all of them are.
    """

    __slots__ = ("author", "by", "nicks", "sure")

    def __init__(self, author: int) -> None:
        self.author = author
        self.nicks: tuple[str, ...] = ()
        self.by: dict[int, int] = {}
        self.sure = author != 0


class Concerns:
    """The sum of the events of log ``room`` that are kept, which are taken in their order.

    ``user_of`` returns the id of the user who has caused an event, 0 if that is not known any more;
    ``called`` returns likewise whose nick the one with a key was at a time.
    """

    def __init__(self, room: int, user_of: Callable[[Event], int], called: Callable[[str, int], int]) -> None:
        self._room = room
        self._user_of = user_of
        self._called = called
        self._known: dict[str, int] = {}  # by their nicks, those who were heard of under these
        self._direct = False
        self._last = 0
        self._authors = array("q")  # of all events from that one on
        self._first = 0
        self._said: dict[int, _Said] = {}  # what mentions somebody, or may have
        self._mentioning: set[int] = set()
        self._perhaps: list[int] = []  # what mentions somebody, or may have
        self._begins: set[int] = set()
        self._replied: dict[tuple[int, int], int] = {}

    def take(self, event: Event) -> None:
        """Take the next event."""
        kind, seq = event.kind, event.seq
        self._last, self._direct = seq, event.room.startswith(USER_SIGN)
        if event.mentions or event.edited or kind == REMOVED:
            self._perhaps.append(seq)
        if event.mentions or event.edited:
            self._mentioning.add(seq)
        user = self._user_of(event) if kind in _WORDED else 0
        self._first = self._first or seq
        self._authors.extend([0] * (seq - self._first - len(self._authors)))  # where events lack
        self._authors.append(user)
        if kind in _WORDED:
            if user:
                self._known[key_of(event.by)] = user
            self._word(event, user)
        elif kind == REMOVED:
            self._begins.add(seq)
        elif kind not in _ABOUT:  # who comes, goes, or renames
            for nick in (event.by, event.text, event.whom.removeprefix(USER_SIGN)):
                self._known.pop(key_of(nick), None)

    def _word(self, event: Event, user: int) -> None:
        about = event.ref if event.kind == "edit" else event.seq
        if event.kind != "edit":
            self._begins.add(event.thread or event.seq)
            if event.thread:
                self._reply(event, user)
        said = self._said.get(about)
        if said is None:
            if not event.mentions and not event.edited:
                return
            said = self._said[about] = _Said(self._author(about))
        said.sure = said.sure and not event.edited
        before, whom = self._whom(said, said.nicks, event), self._whom(said, event.mentions, event)
        said.by = {
            **{one: seq for one, seq in said.by.items() if one in whom},
            **{one: event.seq for one in whom if one not in before and one not in said.by},
        }
        said.nicks = event.mentions

    def _author(self, seq: int) -> int:
        place = seq - self._first
        return self._authors[place] if 0 <= place < len(self._authors) else 0

    def _whom(self, said: _Said, nicks: tuple[str, ...], event: Event) -> set[int]:
        found = set()
        for nick in nicks:
            if nick == EVERYBODY:
                user = everybody_but(said.author)
            else:
                key = key_of(nick)
                user = self._known.get(key) or self._called(key, event.ts)
            if user and user != said.author:
                found.add(user)
        return found

    def _reply(self, event: Event, user: int) -> None:
        """Let those follow the thread whom the reply ``event`` of ``user`` has follow it."""
        if event.ref == event.thread:
            self._replied.setdefault((self._author(event.thread), event.thread), event.seq - 1)
        self._replied[user, event.thread] = event.seq

    def lacking(self, kept: Kept, first: int) -> Iterator[PutMention | PutThread]:
        """Yield the rows that are not ``kept`` and should be of a log whose first event is ``first``."""
        members = {user: member for user, member in kept.members.items() if member.since or self._direct}
        mentions = {(row.user, row.seq) for row in kept.mentions}
        for said in self._said.values():
            for user, seq in said.by.items() if said.sure else ():
                member = members.get(user)
                unread = user < 0 or (member is not None and member.since <= seq > member.read)
                later = len(self._perhaps) - bisect_right(self._perhaps, seq)
                if unread and later < MAX_UNREAD_MENTIONS and (user, seq) not in mentions:
                    yield PutMention(self._room, user, seq)
        threads = {(row.user, row.seq) for row in kept.threads}
        for (user, thread), read in self._replied.items():
            member = members.get(user)
            could = member is not None and member.since <= read and thread >= first
            if could and (user, thread) not in threads:
                yield PutThread(self._room, user, thread, read, 0, off=False)

    def allows(self, row: PutMention | PutThread, kept: Kept) -> bool:
        """Return whether ``row`` may be kept."""
        member = kept.members.get(row.user)
        if isinstance(row, PutMention):
            unread = row.user < 0 or (member is not None and row.seq > member.read)
            return unread and row.seq in self._mentioning
        return member is not None and row.seq in self._begins and row.read <= self._last
