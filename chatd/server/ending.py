"""The end of a connection: its last words, and the closing of its transport behind them."""

from typing import Any, Final

from chatd.wire.errors import ChatdError, CloseReason
from chatd.wire.messages import Error

CLOSE_DEADLINE: Final = 5.0
"""Seconds that a peer has to take the last bytes and close its side, before the connection is aborted."""

_HALF_CLOSED: Final = frozenset(
    {CloseReason.BAD_INPUT, CloseReason.FLOOD, CloseReason.REFUSED, CloseReason.HELLO_TIMEOUT}
)
"""Reasons after which unread input is likely; a full close would reset the connection and lose the error."""


def last_words(error: ChatdError) -> Error:
    """Return the message that tells a peer why its connection ends."""
    return Error(
        code=error.code,
        text=error.text,
        suggest=error.suggest,
        room=error.room,
        retry_after=error.retry_after,
    )


def hang_up(transport: Any, reason: CloseReason) -> None:
    """Close ``transport`` once it has sent what was written; drop bytes that still come."""
    transport.unregisterProducer()
    transport.resumeProducing()
    # Over TLS the end is said by close_notify; closing TCP beneath it would break that.
    secured = hasattr(transport, "getPeerCertificate")
    if reason in _HALF_CLOSED and not secured and hasattr(transport, "loseWriteConnection"):
        transport.loseWriteConnection()
    else:
        transport.loseConnection()
