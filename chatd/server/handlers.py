"""The table of what every kind of connection does about each message, by its state."""

from typing import TYPE_CHECKING, Any, Final

from chatd.server.budgets import Action
from chatd.server.dialogue import Handler, afford, request, unknown
from chatd.server.login import greet
from chatd.server.lookups import join
from chatd.server.states import State
from chatd.wire import messages as m
from chatd.wire.errors import CloseReason, Code, ProtocolError
from chatd.wire.messages import (
    Cancel,
    Download,
    Goodbye,
    Hello,
    History,
    Join,
    Progress,
    Remove,
    Typing,
    Upload,
)
from chatd.wire.objects import UnknownRequestError

if TYPE_CHECKING:
    from chatd.server.connection import ChatConnection

PATIENCE: Final = 1.0
"""Seconds for which a connection pauses behind a page of history at the most; beyond that it is refused."""


def _budgeted(action: Action, patience: float = 0.0) -> Handler:
    """Return the handler of a request that costs one ``action``; it pauses for ``patience`` at the most."""

    def handle(connection: "ChatConnection", message: Any, size: int) -> None:
        if afford(connection, message, size, action, patience):
            request(connection, message, size, connection.server.wall())

    return handle


def _second_hello(_: "ChatConnection", __: Hello, ___: int) -> None:
    raise ProtocolError(Code.HELLO_REPEATED, "A connection begins once; open another for another hello.")


def _goodbye(connection: "ChatConnection", message: Goodbye, _: int) -> None:
    if message.forget:
        connection.server.forget(connection)
    connection.close(CloseReason.GOODBYE)


def _typing(connection: "ChatConnection", message: Typing, _: int) -> None:
    session = connection.session
    if session is not None and not connection.reads_only:
        hub = connection.server.hub
        hub.typing.note(hub.world, connection, session, message)


def _progress(connection: "ChatConnection", message: Progress, _: int) -> None:
    if connection.transfers is not None:
        connection.transfers.progress(message)


def _cancel(connection: "ChatConnection", message: Cancel, _: int) -> None:
    if connection.transfers is not None:
        connection.transfers.cancel(message)


COMMON: Final[dict[tuple[State, type], Handler]] = {
    (State.OPENED, Hello): greet,
    (State.OPENED, Goodbye): _goodbye,
    (State.LIVE, Hello): _second_hello,
    (State.LIVE, Join): join,
    (State.LIVE, m.InviteTo): _budgeted(Action.ACT),
    (State.LIVE, m.Kick): _budgeted(Action.ACT),
    (State.LIVE, m.Ban): _budgeted(Action.ACT),
    (State.LIVE, m.Mute): _budgeted(Action.ACT),
    (State.LIVE, Remove): _budgeted(Action.ACT),
    (State.LIVE, History): _budgeted(Action.HISTORY, PATIENCE),
    (State.LIVE, m.Look): _budgeted(Action.HISTORY, PATIENCE),
    (State.LIVE, m.Pins): _budgeted(Action.HISTORY, PATIENCE),
    (State.LIVE, m.Threads): _budgeted(Action.HISTORY, PATIENCE),
    (State.LIVE, m.Search): _budgeted(Action.HISTORY, PATIENCE),
    (State.LIVE, Upload): _budgeted(Action.FILE),
    (State.LIVE, Download): _budgeted(Action.FILE),
    (State.LIVE, Goodbye): _goodbye,
    (State.LIVE, Typing): _typing,
    (State.LIVE, Progress): _progress,
    (State.LIVE, Cancel): _cancel,
    (State.LIVE, UnknownRequestError): unknown,
}
"""The handlers that every kind of connection has."""
