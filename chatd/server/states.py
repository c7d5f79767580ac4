"""The states of a connection, whatever it speaks (docs/PROTOCOL.md, "States")."""

from enum import Enum


class State(Enum):
    """Where a connection is in its life.

    A hello leads from opened to welcoming, the welcome on to live; whatever ends the connection leads from
    anywhere to closing.
    """

    OPENED = "opened"
    WELCOMING = "welcoming"
    LIVE = "live"
    CLOSING = "closing"

    __hash__ = object.__hash__  # every message is looked up by it; Enum's own hashes the name, in Python
