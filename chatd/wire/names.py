"""Names: when two of them are the same, and where one may hold a joiner (docs/PROTOCOL.md, "Names").

Sinhala, Persian and Malayalam cannot be written without U+200C and U+200D. Nobody sees them by themselves, so
that they are allowed only where RFC 5892 (appendix A.1 and A.2) finds that the letters beside them need them,
and two names are the same with and without.
"""

import re
import unicodedata
from typing import Final

SERVER: Final = "*"
"""What events call the server itself; nobody else can have that name."""

JOINERS: Final = "\u200c\u200d"
"""ZERO WIDTH NON-JOINER and ZERO WIDTH JOINER."""

_JOINER: Final = re.compile(f"[{JOINERS}]")


def without_joiners(name: str) -> str:
    """Return ``name`` without its joiners."""
    return _JOINER.sub("", name)


def fold(name: str) -> str:
    """Return the comparison form of ``name``: two names are the same where theirs are equal."""
    shown = unicodedata.normalize("NFKC", without_joiners(name))
    return unicodedata.normalize("NFKC", shown.casefold())


def stray_joiner(name: str) -> int | None:
    """Return where ``name`` holds a joiner that the letters beside it do not need, or None."""
    return next((found.start() for found in _JOINER.finditer(name) if not _needed(name, found.start())), None)


def _needed(name: str, position: int) -> bool:
    from idna import valid_contextj  # noqa: PLC0415 - few names have a joiner

    try:
        return valid_contextj(name, position)
    except ValueError:  # beside it stands a character without a name, or the text is too long for any name
        return False
