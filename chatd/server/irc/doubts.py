"""Doubts: whether a connection is still there, now that its device comes in once more.

A network that has forgotten a connection tells only one side. The client comes back by another connection,
and the server would believe for two minutes that there are two of them.
"""

from typing import TYPE_CHECKING, Final

from twisted.internet.defer import Deferred

from chatd.chat.state import User
from chatd.server.states import State
from chatd.wire.errors import CloseReason
from chatd.wire.irc import encode

if TYPE_CHECKING:
    from chatd.server.irc.client import Client
    from chatd.server.irc.network import Network

FRESH: Final = 5.0
"""Seconds for which nobody doubts that somebody who has said something is there, if all was taken."""

PATIENCE: Final = 3.0
"""Seconds that the older connection has to say anything, and the newer one to wait for that."""


def doubtful(network: "Network", user: User, label: str) -> "Client | None":
    """Return the client of ``user`` that has the session called ``label``, if it may be there no more."""
    if user.account is None:
        return None
    for client in network.clients_of(user):
        session, connection = client.session, client.connection
        if session is not None and session.label == label and not session.fleeting:
            silence = connection.liveness.heartbeat.silence(network.server.clock.seconds())
            return client if silence >= FRESH or connection.output.traffic().waiting else None
    return None


def ask(client: "Client") -> Deferred[None]:
    """Ping ``client``; return what fires when it has answered, or has ended. If it is silent, it ends."""
    if not client.doubts:
        client.write(encode("", "PING", client.network.name))
        client.network.server.clock.callLater(PATIENCE, _give_up, client, client.connection.bytes_in)
    answer: Deferred[None] = Deferred()
    client.doubts.append(answer)
    return answer


def settle(client: "Client") -> None:
    """Have those go on who have waited for a sign of ``client``, or for its end."""
    waiting, client.doubts = client.doubts, []
    for answer in waiting:
        answer.callback(None)


def _give_up(client: "Client", bytes_in: int) -> None:
    """End ``client``, if it has said nothing since."""
    connection = client.connection
    if connection.state is State.LIVE and connection.bytes_in == bytes_in:
        connection.close(CloseReason.TAKEN_OVER)
    settle(client)
