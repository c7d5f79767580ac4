"""Newcomers: bounds how many sessions one address may begin per minute."""

from typing import Final

from chatd.chat.quota import Ration
from chatd.server.addresses import network_of

MINUTE: Final = 60.0
"""Seconds in a minute."""

LOOK_AGAIN: Final = 2000
"""Above so many addresses, those that have not begun a session lately are looked for and forgotten."""


class Newcomers:
    """Counts the sessions that each address begins; ``per_minute`` 0 is no limit.

    An IPv6 network of 64 bits counts as one address, since one subscriber has all of it.
    """

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._rations: dict[str, Ration] = {}
        self._look_at = LOOK_AGAIN

    def __len__(self) -> int:
        return len(self._rations)

    def wait(self, host: str, now: float) -> float:
        """Count another session of ``host`` and return 0; or return the seconds until it may begin one."""
        if not self._per_minute:
            return 0.0
        host = network_of(host)
        ration = self._rations.get(host)
        if ration is None:
            self._forget(now)
            ration = self._rations[host] = Ration(self._per_minute / MINUTE, self._per_minute, now)
        return ration.take(now)

    def _forget(self, now: float) -> None:
        """Forget addresses that may begin as many sessions as ever; passers-by leave nothing behind."""
        if len(self._rations) < self._look_at:
            return
        for ration in self._rations.values():
            ration.refill(now)
        self._rations = {host: ration for host, ration in self._rations.items() if not ration.full}
        self._look_at = max(LOOK_AGAIN, 2 * len(self._rations))
