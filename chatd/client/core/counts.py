"""Counts: what of a room is unread, for all devices of the user together.

The server tells it as of some event, with the welcome and wherever it changes otherwise than by what is said.
What is said behind that event is counted here. So both sides have the same numbers at any moment.
"""

from msgspec import Struct, field

from chatd.wire.limits import MAX_THREAD_UNREAD, MAX_UNREAD_MENTIONS
from chatd.wire.messages import Event, RoomState, ThreadState, Unread
from chatd.wire.names import SERVER, fold

COUNTED = frozenset({"message", "file"})
"""The kinds of events that count, whoever said it."""


class ThreadCounts(Struct):
    """What is unread of one thread that we follow: ``unread`` replies behind ``read``, 1000 at the most."""

    read: int = 0
    unread: int = 0
    upto: int = 0


class Counts(Struct):
    """What is unread of one room behind ``read``; ``upto`` is the last event that is counted in it.

    ``unread`` is None where the server does not count. ``mentions`` are those of us by others, with the nick
    that we have in the room by then; ``mention`` is the first one's event, or 0.
    """

    nick: str = ""
    read: int = 0
    unread: int | None = None
    mentions: int = 0
    mention: int = 0
    upto: int = 0
    threads: dict[int, ThreadCounts] = field(default_factory=dict)

    def begin(self, state: RoomState, nick: str) -> None:
        """Take over what the server says when a link begins to follow the room, as ``nick``."""
        self.nick, self.upto = nick, state.head
        self.read, self.unread = state.read, state.unread
        self.mentions, self.mention = state.mentions, state.mention

    def correct(self, told: Unread) -> None:
        """Take over what the server says meanwhile."""
        self.upto = max(self.upto, told.head)
        self.read, self.unread = told.read, told.unread
        self.mentions, self.mention = told.mentions, told.mention

    def follow(self, told: ThreadState) -> None:
        """Take over what the server says of a thread."""
        if told.off:
            self.threads.pop(told.thread, None)
        else:
            self.threads[told.thread] = ThreadCounts(told.read, told.unread, told.head)

    def take(self, event: Event) -> None:
        """Count ``event``, unless that is done."""
        thread = self.threads.get(event.thread) if event.thread and event.kind in COUNTED else None
        if thread is not None and event.seq > thread.upto:
            thread.upto, thread.unread = event.seq, min(thread.unread + 1, MAX_THREAD_UNREAD)
        if event.seq <= self.upto:
            return
        self.upto = event.seq
        if event.kind in COUNTED:
            if self.unread is not None:
                self.unread += 1
            if event.mentions and not self.is_ours(event) and self._names_us(event):
                self.mentions = min(self.mentions + 1, MAX_UNREAD_MENTIONS)
                self.mention = self.mention or event.seq
        elif event.kind == "nick" and self.is_ours(event):
            self.nick = event.text

    def is_ours(self, event: Event) -> bool:
        """Return whether ``event``, which has just happened, is by us."""
        return fold(event.by) == fold(self.nick)

    def _names_us(self, event: Event) -> bool:
        nick = fold(self.nick)
        return any(one == SERVER or fold(one) == nick for one in event.mentions)
