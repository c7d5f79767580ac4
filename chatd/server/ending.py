"""The end of a connection: its last words, the closing of its transport behind them, and its leaving."""

from collections.abc import Callable
from typing import Any, Final, Protocol

from chatd.ops.log import Log
from chatd.server.files.transfers import Transfers
from chatd.server.input import Input
from chatd.server.interfaces import Connection
from chatd.server.liveness import Liveness
from chatd.server.server import Server
from chatd.server.states import State
from chatd.wire.errors import ChatdError, CloseReason
from chatd.wire.messages import Error, Message

log = Log(__name__)

CLOSE_DEADLINE: Final = 5.0
"""Seconds that a peer has to take the last bytes and close its side, before the connection is aborted."""

_HALF_CLOSED: Final = frozenset(
    {CloseReason.BAD_INPUT, CloseReason.FLOOD, CloseReason.REFUSED, CloseReason.HELLO_TIMEOUT}
)
"""Reasons after which unread input is likely; a full close would reset the connection and lose the error."""


class Ending(Connection, Protocol):
    """A connection as its end sees it."""

    input: Input
    liveness: Liveness
    server: Server
    state: State
    transfers: Transfers | None
    transport: Any


def end(connection: Ending, reason: CloseReason, farewell: Message) -> None:
    """End ``connection`` because of ``reason``, with ``farewell`` as the last words, if it has not ended."""
    if connection.state is State.CLOSING:
        return
    try:
        connection.output.say(farewell)
    except Exception:  # noqa: BLE001 - what cannot be written to gets no last words
        connection.abort(reason)
        return
    leave(connection, reason)
    if not attempt(connection, hang_up, connection.transport, reason):
        attempt(connection, connection.transport.abortConnection)


def leave(connection: Ending, reason: CloseReason) -> None:
    """Unbind ``connection`` from session, logs and transfers; its ``reason`` is the first that is given."""
    if connection.state is State.CLOSING:
        return
    connection.state = State.CLOSING
    connection.input.end()
    connection.output.end()
    now = connection.server.clock.seconds()
    connection.liveness.ending(now)
    connection.server.agenda.plan(connection, now)
    connection.close_reason = reason
    if connection.transfers is not None:
        attempt(connection, connection.transfers.close, reason)
    attempt(connection, connection.server.leave, connection)


def attempt(connection: Ending, step: Callable[..., object], *arguments: object) -> bool:
    """Do one step of leaving; return whether it went well.

    An exception is logged and does not keep other steps from being done.
    """
    try:
        step(*arguments)
    except Exception:  # noqa: BLE001 - whatever happens, the session and the transport are let go
        log.failure("connection-fault", None, peer=connection.address)
        return False
    return True


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
