"""Mentioned: the unread mentions in one room, by whom they mention and by the event that does."""

from bisect import bisect_left, insort
from collections.abc import Sequence
from typing import Final

ALL: Final = 0
"""Under what `Mentioned.of` has the mentions of everybody; no user has this id."""


def everybody_but(author: int) -> int:
    """Return whom ``author`` mentions who mentions everybody: nobody mentions themselves."""
    return -author


class Mentioned:
    """Which events mention which users, by their ids, or `everybody_but` one; those of each in order."""

    __slots__ = ("_events", "_seqs", "_whom")

    def __init__(self) -> None:
        self._seqs: dict[int, list[int]] = {}
        self._whom: dict[int, list[int]] = {}
        self._events: list[int] = []

    def __bool__(self) -> bool:
        return bool(self._seqs)

    def put(self, user: int, seq: int) -> bool:
        """Let event ``seq`` mention ``user``; return whether it did not before."""
        whom = self._whom.get(seq)
        if whom is None:
            self._whom[seq] = [user]
            insort(self._events, seq)
        elif user in whom:
            return False
        else:
            whom.append(user)
        insort(self._seqs.setdefault(max(user, ALL), []), seq)
        return True

    def drop(self, user: int, seq: int) -> None:
        """Let event ``seq`` mention ``user`` no more."""
        seqs, whom = self._seqs[max(user, ALL)], self._whom[seq]
        seqs.remove(seq)
        whom.remove(user)
        if not seqs:
            del self._seqs[max(user, ALL)]
        if not whom:
            del self._whom[seq]
            del self._events[bisect_left(self._events, seq)]

    def of(self, user: int) -> Sequence[int]:
        """Return the events that mention ``user``, or those that mention `ALL`, in order."""
        return self._seqs.get(user, ())

    def whom(self, seq: int) -> Sequence[int]:
        """Return whom event ``seq`` mentions."""
        return self._whom.get(seq, ())

    def below(self, first: int) -> list[tuple[int, int]]:
        """Return the mentions by events below ``first``: the user and the event of each."""
        events = self._events[: bisect_left(self._events, first)]
        return [(user, seq) for seq in events for user in self._whom[seq]]
