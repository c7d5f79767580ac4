"""The pace of deliveries: when to try again, and when to give up."""

from typing import Final

LONGEST: Final = 300.0
"""Seconds between two tries at the most: so soon a receiver that is back hears again."""

SHORTEST: Final = 1.0

DAY: Final = 86_400_000
"""Milliseconds."""


def delay(failures: int, chance: float) -> float:
    """Return the seconds to wait behind so many ``failures``; ``chance`` is from 0 to 1.

    It doubles, and lies in the upper half of that, so that those who failed together come back apart.
    """
    most: float = min(LONGEST, SHORTEST * 2 ** min(failures, 16))
    return most * (0.5 + chance / 2)


def is_hopeless(failing: int, now: int, days: float) -> bool:
    """Return whether what has failed since ``failing`` is given up at ``now``, both in milliseconds."""
    return bool(failing) and now - failing >= days * DAY
