"""When to try again: full jitter, slower after answers than after silence."""

from collections.abc import Callable
from typing import Final

SILENCE: Final = ((300.0, 2.0), (1800.0, 10.0), (float("inf"), 30.0))
"""Pairs: until so many seconds of trouble, delays after silence are drawn from up to so many seconds."""

EXPECTED: Final = (0.25, 0.25)
"""The widest range after silence of a server that has named the second of its return: so many seconds at
least, and such a part of the time since it did. Its clients come no denser by that: each has its own slot."""

ANSWER_BASE: Final = 0.5
"""Seconds: the first answered failure draws from this range, each further one from twice the range before."""

ANSWER_CAPS: Final = ((300.0, 5.0), (float("inf"), 30.0))
"""Pairs: until so many seconds of trouble, the widest range after answered failures, in seconds."""

SLOT_CAP: Final = 3600.0
"""Seconds: no server can send a client away for longer."""

JITTER: Final = 0.1
"""Part of a slot by which a client comes later than named: others may have been named the same."""

MAX_JITTER: Final = 5.0
"""Seconds by which a client comes later than its slot at the most."""

STUBBORN: Final = (10.0, 60.0)
"""Seconds after what only people at the other end can mend: the first delay, doubled up to the second."""

LEAST: Final = 0.1
"""Seconds that every delay has at the least: what has just failed is not the next moment another."""

STEADY: Final = 10.0
"""Seconds a link must be up after its welcome before earlier failures are forgotten."""


Later = Callable[[float], float]
"""Returns a delay that ends a little after so many seconds, never before."""


class Backoff:
    """The delays before attempts; ``uniform`` draws a number from a range (random.uniform)."""

    __slots__ = ("_answers", "_named", "_since", "_stubborn", "_uniform")

    def __init__(self, uniform: Callable[[float, float], float]) -> None:
        self._uniform = uniform
        self._answers = self._stubborn = 0
        self._since: float | None = None
        self._named: float | None = None

    def after_silence(self, now: float) -> float:
        """Return the delay after an attempt that reached nobody: it burdens nobody to try again soon."""
        widest = self._cap(SILENCE, now)
        if self._named is not None:
            least, part = EXPECTED
            widest = min(widest, max(least, part * (now - self._named)))
        return max(LEAST, self._uniform(0.0, widest))

    def after_answer(self, now: float, slot: float | None = None) -> float:
        """Return the delay after a refusal or a close: not before the ``slot`` that the server named."""
        widest = min(self._cap(ANSWER_CAPS, now), ANSWER_BASE * 2.0 ** min(self._answers, 10))
        self._answers += 1
        self._named = None if slot is None else now
        return max(LEAST, self._uniform(0.0, widest)) if slot is None else self.later(slot)

    def later(self, slot: float) -> float:
        """Return a delay that ends a little after ``slot`` seconds, never before: others may wait as long."""
        slot = max(slot, LEAST)
        return min(slot + self._uniform(0.0, min(slot * JITTER, MAX_JITTER)), SLOT_CAP)

    def stubborn(self) -> float:
        """Return a slot after an answer that hardly anybody mends soon."""
        first, widest = STUBBORN
        self._stubborn += 1
        return min(widest, first * 2.0 ** min(self._stubborn - 1, 10))

    def _cap(self, caps: tuple[tuple[float, float], ...], now: float) -> float:
        if self._since is None:
            self._since = now
        trouble = now - self._since
        return next(cap for until, cap in caps if trouble < until)

    def reset(self) -> None:
        """Forget all failures: a link was up for `STEADY` seconds."""
        self._answers = self._stubborn = 0
        self._since = self._named = None
