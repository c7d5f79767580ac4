"""Features: what servers of this version could not always do (docs/PROTOCOL.md, "Forward compatibility")."""

from typing import Final

FEATURES: Final = (
    "edit",
    "hook",
    "look",
    "mention",
    "pin",
    "react",
    "reply",
    "status",
    "thread",
    "typing",
    "unread",
)
"""What this code can do of it; a welcome names it, so that a client need not try."""
