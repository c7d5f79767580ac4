"""Pings and pongs that are messages, where a kind of connection has no frames of their own for them."""

from typing import TYPE_CHECKING, Final

from chatd.chat.arrival import CONFIRMATION
from chatd.server import login
from chatd.server.dialogue import Handler
from chatd.server.states import State
from chatd.wire.messages import Ping, Pong

if TYPE_CHECKING:
    from chatd.server.connection import ChatConnection


def _ping(connection: "ChatConnection", message: Ping, _: int) -> None:
    connection.input.gate.charge(1)
    connection.output.say(Pong(data=message.data))


def _pong(connection: "ChatConnection", message: Pong, _: int) -> None:
    connection.input.gate.charge(1)
    if message.data == CONFIRMATION:
        login.confirm(connection)


MESSAGES: Final[dict[tuple[State, type], Handler]] = {
    **{(state, Ping): _ping for state in State},
    **{(state, Pong): _pong for state in State},
}
"""The handlers of pings and pongs."""
