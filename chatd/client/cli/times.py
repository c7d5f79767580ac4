"""Times that people write: a number and its unit."""

import re
from typing import Final

_UNITS: Final = {"s": 1, "min": 60, "m": 60, "h": 3600, "d": 86_400}
"""Seconds in each unit of a time, as chatctl has them."""

_TIME: Final = re.compile(r"([0-9]{1,7})(s|min|m|h|d)")


def seconds_in(word: str) -> int | None:
    """Return the seconds of a time such as 10min or 2h; None if ``word`` is none."""
    found = _TIME.fullmatch(word)
    return None if found is None else int(found[1]) * _UNITS[found[2]]
