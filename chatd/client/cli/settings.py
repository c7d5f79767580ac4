"""What a person has chosen for the line client."""

from typing import Final, NamedTuple

RECENT: Final = 10
"""Lines of a room that are shown where one begins to talk there: less than a small terminal has rows."""

BELLS: Final = ("off", "mentions", "all")
"""What the bell rings for."""


class Settings(NamedTuple):
    """``recent``: so many lines of a room are shown where one begins to talk there, 0 for none.

    ``bell`` is what the bell rings for, one of `BELLS`; a direct message counts as a mention.
    """

    recent: int = RECENT
    bell: str = "mentions"
