"""Moments: what ``before:`` and ``after:`` name, in milliseconds since 1970."""

import calendar
import re
from typing import Final

_MOMENT: Final = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[Tt](\d\d):(\d\d)(?::(\d\d))?)?)?)?([Zz]|[+-]\d\d:?\d\d)?", re.ASCII
)

_LAST: Final = (9999, 12, 31, 23, 59, 59)


def moment(text: str) -> int | None:
    """Return the beginning of the year, month, day, minute or second ``text``, None if it names none.

    It is written as ISO 8601 has it, such as 2026-11-30, 2026-11 or 2026-11-30T13:20+01:00; without an
    offset it is in UTC.
    """
    found = _MOMENT.fullmatch(text)
    if found is None:
        return None
    year, month, day, *time = (
        int(given or default) for given, default in zip(found.groups()[:6], (0, 1, 1, 0, 0, 0), strict=True)
    )
    if not (year >= 1970 and 1 <= month <= _LAST[1] and 1 <= day <= calendar.monthrange(year, month)[1]):  # noqa: PLR2004
        return None
    if any(one > last for one, last in zip(time, _LAST[3:], strict=True)):
        return None
    seconds = calendar.timegm((year, month, day, *time)) - _offset(found[7])
    return max(0, 1000 * seconds)


def _offset(zone: str | None) -> int:
    """Return the seconds that a zone is ahead of UTC."""
    if zone is None or zone in "Zz":
        return 0
    ahead = 3600 * int(zone[1:3]) + 60 * int(zone[-2:])
    return -ahead if zone[0] == "-" else ahead
