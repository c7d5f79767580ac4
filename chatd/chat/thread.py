"""Thread: the replies in one thread that somebody follows, as far as they may be unread."""

from array import array
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable

from chatd.wire.limits import MAX_THREAD_UNREAD


class Thread:
    """The replies of a thread that came since it is followed, the newest of them, and who follows it.

    ``users`` are the ids of those of whom something is kept, also that they follow it no more.
    """

    __slots__ = ("_replies", "users")

    def __init__(self) -> None:
        self.users: dict[int, None] = {}
        self._replies = array("q")

    def load(self, seqs: Iterable[int]) -> None:
        """Take replies that came before the daemon started, in order."""
        self._replies.extend(seqs)
        del self._replies[:-MAX_THREAD_UNREAD]

    def put(self, seq: int) -> None:
        """Have another reply."""
        replies = self._replies
        if not replies or replies[-1] < seq:
            replies.append(seq)
        elif replies[bisect_left(replies, seq)] != seq:
            insort(replies, seq)
        if len(replies) > 2 * MAX_THREAD_UNREAD:
            del replies[:MAX_THREAD_UNREAD]

    def drop(self, seq: int) -> None:
        """Have a reply no more."""
        at = bisect_left(self._replies, seq)
        if at < len(self._replies) and self._replies[at] == seq:
            del self._replies[at]

    def above(self, after: int, head: int) -> int:
        """Return how many replies are behind event ``after``, up to ``head``; many are as many as more."""
        count = bisect_right(self._replies, head) - bisect_right(self._replies, after)
        return min(max(0, count), MAX_THREAD_UNREAD)
