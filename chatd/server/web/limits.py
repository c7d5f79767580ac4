"""For how long a connection over HTTP stays, each with its reason; for a request see `hello_timeout`."""

from typing import Final

KEEP_ALIVE: Final = 60.0
"""Seconds for which a connection without a request is kept."""

CLOSE_DEADLINE: Final = 5.0
"""Seconds that a peer has to take the last bytes and close its side, before the connection is aborted."""
