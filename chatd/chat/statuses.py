"""Statuses: that people are away or busy, as they say it themselves, until they end by the calendar."""

import heapq

from chatd.chat.changes.rows import PutStatus


class Statuses:
    """What users say of themselves, by their ids, and which of it ends next.

    One that has ended counts no more, whether it was dropped by then or not. What is decided and not durable
    yet is kept apart from what is: nobody may be told of that unless they are told behind the commit.
    """

    def __init__(self) -> None:
        self._rows: dict[int, PutStatus] = {}
        self._durable: dict[int, PutStatus] = {}
        self._ends: list[tuple[int, int]] = []

    def loaded(self) -> None:
        """Note that all of it is on disk."""
        self._durable = self._rows.copy()

    def settle(self, user: int, row: PutStatus | None) -> None:
        """Note that ``row`` is what the disk has of ``user``, if it has anything."""
        if row is None:
            self._durable.pop(user, None)
        else:
            self._durable[user] = row

    def put(self, row: PutStatus) -> PutStatus | None:
        """Let ``row`` be what its user says; return what that was before."""
        before = self._rows.get(row.user)
        self._rows[row.user] = row
        if row.until:
            heapq.heappush(self._ends, (row.until, row.user))
            if len(self._ends) > 2 * len(self._rows) + 64:
                self._ends = [(one.until, one.user) for one in self._rows.values() if one.until]
                heapq.heapify(self._ends)
        return before

    def drop(self, user: int) -> PutStatus | None:
        """Let ``user`` say nothing; return what it was before."""
        return self._rows.pop(user, None)

    def of(self, user: int, now: int) -> PutStatus | None:
        """Return what ``user`` says at ``now``."""
        return _lasting(self._rows.get(user), now)

    def durable(self, user: int, now: int) -> PutStatus | None:
        """Return what ``user`` says at ``now``, as far as the disk knows."""
        return _lasting(self._durable.get(user), now)

    def known(self, user: int) -> PutStatus | None:
        """Return what is kept of ``user``, whether it has ended or not."""
        return self._rows.get(user)

    def values(self) -> list[PutStatus]:
        """Return all that is kept."""
        return list(self._rows.values())

    def ended(self, now: int, most: int) -> list[PutStatus]:
        """Return at most ``most`` of those that have ended at ``now``; each is returned once."""
        over: list[PutStatus] = []
        while self._ends and self._ends[0][0] <= now and len(over) < most:
            until, user = heapq.heappop(self._ends)
            row = self._rows.get(user)
            if row is not None and row.until == until:
                over.append(row)
        return over


def _lasting(row: PutStatus | None, now: int) -> PutStatus | None:
    return None if row is None or 0 < row.until <= now else row
