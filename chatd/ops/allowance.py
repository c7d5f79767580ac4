"""Bounds how much of the log one kind of event may fill, so that no stranger can fill the disk."""

from typing import Final

RESERVE: Final = 1 << 20
"""Bytes that one kind of event may write at once: some 5000 clients that come back in the same minute."""

PER_MINUTE: Final = 128 << 10
"""Bytes that one kind of event may write in each minute beyond: some 700 lines, 180 MiB in a day."""

TELLING: Final = 60.0
"""Seconds between two notices about held-back lines of one kind."""


class _Account:
    __slots__ = ("held_back", "left", "since", "told")

    def __init__(self, now: float) -> None:
        self.left = float(RESERVE)
        self.since = now
        self.held_back = 0
        self.told = -TELLING


class Allowance:
    """Counts the bytes of each kind of event; ``now`` is in monotonic seconds."""

    def __init__(self) -> None:
        self._accounts: dict[str, _Account] = {}

    def admits(self, kind: str, now: float) -> bool:
        """Return whether a line of ``kind`` may be written; count it as held back otherwise."""
        account = self._accounts.get(kind)
        if account is None:
            account = self._accounts[kind] = _Account(now)
        account.left = min(RESERVE, account.left + (now - account.since) * PER_MINUTE / 60)
        account.since = now
        if account.left > 0:
            return True
        account.held_back += 1
        return False

    def spend(self, kind: str, size: int) -> None:
        """Take ``size`` bytes from what ``kind`` may write."""
        self._accounts[kind].left -= size

    def untold(self, now: float) -> list[tuple[str, int]]:
        """Return each kind of which lines were held back since the last call, and how many."""
        found = []
        for kind, account in self._accounts.items():
            if account.held_back and now - account.told >= TELLING:
                found.append((kind, account.held_back))
                account.held_back = 0
                account.told = now
        return found
