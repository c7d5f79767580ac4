"""What one request over HTTP may cost, each with its unit and its reason."""

from typing import Final

from chatd.wire.limits import MAX_FRAME

MAX_HEAD: Final = 16_384
"""Bytes of a request line with its headers: browsers send a few thousand."""

MAX_HEADERS: Final = 100
"""Headers of one request."""

MAX_BODY: Final = MAX_FRAME
"""Bytes of a request's body: what one peer may cost; a message with everything escaped fits."""
