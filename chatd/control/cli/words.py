"""Numbers in words that people read at a glance."""

from datetime import UTC, datetime
from typing import Final

_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB")
_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86_400
_STEP: Final = 1024
_WHOLE: Final = 10


def size(number: float | None) -> str:
    """Return so many bytes."""
    if number is None:
        return ""
    rest, unit = float(number), 0
    while rest >= _STEP and unit < len(_UNITS) - 1:
        rest /= _STEP
        unit += 1
    return f"{rest:.0f} {_UNITS[unit]}" if not unit or rest >= _WHOLE else f"{rest:.1f} {_UNITS[unit]}"


def duration(seconds: float | None) -> str:
    """Return so many seconds."""
    if seconds is None:
        return ""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < _WHOLE:
        return f"{seconds:.1f} s"
    if seconds < _MINUTE:
        return f"{seconds:.0f} s"
    whole = int(seconds)
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02} s"
    if whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02} min"
    return f"{whole // _DAY} d {whole % _DAY // _HOUR:02} h"


def rate(number: float) -> str:
    """Return a number with as many digits as it is worth."""
    if not number:
        return "0"
    return f"{number:.2f}" if number < 1 else f"{number:.1f}" if number < _WHOLE else f"{number:.0f}"


def moment(ms: int) -> str:
    """Return milliseconds since 1970 as a time of day here, without the year."""
    return datetime.fromtimestamp(ms / 1000, UTC).astimezone().strftime("%m-%d %H:%M:%S")
