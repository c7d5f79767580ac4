"""For how long a connection over HTTP stays, each with its reason; for a request see `hello_timeout`."""

from typing import Final

KEEP_ALIVE: Final = 60.0
"""Seconds for which a connection without a request is kept."""
