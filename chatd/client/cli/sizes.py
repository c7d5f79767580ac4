"""Sizes, rates and durations as people read them."""

from typing import Final

_UNITS: Final = ("kB", "MB", "GB", "TB", "PB")
_STEP: Final = 1000
_MINUTE: Final = 60
_LONG: Final = 100 * 3600
"""Seconds from which on nobody wants to know how long it takes."""


def size_text(size: float) -> str:
    """Return ``size`` in bytes with two or three digits: ``999 B``, ``1.2 kB``, ``45 MB``."""
    if size < _STEP:
        return f"{size:.0f} B"
    for unit in _UNITS:
        size /= _STEP
        if size < _STEP - 0.5 or unit == _UNITS[-1]:
            break
    return f"{size:.1f} {unit}" if size < 9.95 else f"{size:.0f} {unit}"  # noqa: PLR2004 - two digits or more


def rate_text(rate: float) -> str:
    """Return ``rate`` in bytes per second."""
    return f"{size_text(rate)}/s"


def time_text(seconds: float) -> str:
    """Return ``seconds`` as ``0:07``, ``12:30`` or ``1:02:03``; ``-:--`` where they mean nothing."""
    if not 0 <= seconds < _LONG:
        return "-:--"
    minutes, left = divmod(int(seconds), _MINUTE)
    hours, minutes = divmod(minutes, _MINUTE)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"
