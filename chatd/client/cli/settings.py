"""What a person has chosen for the line client."""

from typing import Final, NamedTuple

RECENT: Final = 10
"""Lines of a room that are shown where one begins to talk there: less than a small terminal has rows."""


class Settings(NamedTuple):
    """``recent``: so many lines of a room are shown where one begins to talk there, 0 for none."""

    recent: int = RECENT
