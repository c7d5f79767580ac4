"""Saying a repeated thing once in a while, with the number of times that it was not said."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Final

MAX_KEYS: Final = 10_000
"""Keys that are remembered; the one longest unsaid goes first, so that hostile peers cost bounded memory."""


class Repeats:
    """Lets each key through once per ``seconds``.

    A key is what makes two things the same, such as an event name with an address (without the port, which
    every new connection changes).
    """

    __slots__ = ("_keys", "_said", "_seconds")

    def __init__(self, seconds: float, keys: int = MAX_KEYS) -> None:
        self._seconds = seconds
        self._keys = keys
        self._said: OrderedDict[Hashable, tuple[float, int]] = OrderedDict()

    def admit(self, key: Hashable, now: float) -> int | None:
        """Return how many were held back since the last one, or None where this one is held back too.

        ``now`` is in monotonic seconds.
        """
        last = self._said.get(key)
        if last is not None and now - last[0] < self._seconds:
            self._said[key] = (last[0], last[1] + 1)
            return None
        self._said[key] = (now, 0)
        self._said.move_to_end(key)
        if len(self._said) > self._keys:
            self._said.popitem(last=False)
        return last[1] if last is not None else 0
