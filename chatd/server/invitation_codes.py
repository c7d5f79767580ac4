"""The codes of invitations: short enough to be read aloud, too many to be guessed."""

from collections.abc import Callable
from typing import Final

ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"
"""Letters and digits that nobody mistakes for one another."""

GROUPS: Final = 4
SIZE: Final = 4
"""Groups of a code, and characters in each: 79 bits."""


def new_code(choose: Callable[[str], str]) -> str:
    """Return another code; ``choose`` picks one character, as `secrets.choice` does."""
    return "-".join("".join(choose(ALPHABET) for _ in range(SIZE)) for _ in range(GROUPS))
