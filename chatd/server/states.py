"""The states of a connection, whatever it speaks (docs/PROTOCOL.md, "States")."""

from enum import Enum


class State(Enum):
    """The state of a connection in its life.

    A hello leads from opened to welcoming, the welcome on to live; every end leads from any state to closing.
    """

    OPENED = "opened"
    WELCOMING = "welcoming"
    LIVE = "live"
    CLOSING = "closing"

    __hash__ = object.__hash__  # every message is looked up by it; Enum's own hashes the name, in Python
