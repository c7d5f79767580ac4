"""The login: a hello lets its connection in, once all that it takes is done."""

from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure

from chatd.chat.arrival import Arrival
from chatd.ops.log import Log
from chatd.server.gate import Hold
from chatd.server.states import State
from chatd.server.steering import steer
from chatd.wire.errors import ChatdError, CloseReason
from chatd.wire.heartbeat import Heartbeat
from chatd.wire.messages import Hello, Ping

if TYPE_CHECKING:
    from chatd.server.connection import ChatConnection

log = Log(__name__)

STILL: Final = Ping(data="still?")
"""The ping that asks a client after its hello whether it still wants to take its session over."""


def greet(connection: "ChatConnection", message: Hello, _: int) -> None:
    """Begin the login. Nothing is taken until it is done."""
    connection.state = State.WELCOMING
    connection.input.gate.hold(Hold.LOGIN)
    login: Deferred[Any] = maybeDeferred(connection.server.compare, message, connection.peer_host)
    login.addCallback(lambda turned: _log_in(connection, message, turned))
    login.addErrback(lambda failure: _refuse(connection, failure))


def _log_in(connection: "ChatConnection", message: Hello, turned: dict[str, int]) -> Deferred[None] | None:
    """Let the connection in if its session is known.

    ``turned`` says from where it goes on in restored rooms.
    """
    if connection.state is not State.WELCOMING:
        return None
    login: Deferred[Any] = connection.server.admission.login(connection, message)
    login.addCallback(lambda arrival: _ask(connection, arrival, message))
    return login.addCallback(lambda arrival: _welcome(connection, arrival, message, turned))


def _ask(connection: "ChatConnection", arrival: Arrival, message: Hello) -> Arrival | Deferred[Arrival]:
    """Ping a newcomer that its client may have given up, before it takes over; any byte is an answer."""
    server = connection.server
    if connection.input.decoder or connection.state is not State.WELCOMING:
        return arrival
    if not server.admission.doubts(connection, arrival, message):
        return arrival
    asked: Deferred[None] = Deferred()
    connection.input.asked = asked
    connection.output.say(STILL)
    connection.input.go_on()
    return asked.addCallback(lambda _: server.admission.login(connection, message))


def _welcome(connection: "ChatConnection", arrival: Arrival, message: Hello, turned: dict[str, int]) -> None:
    if connection.state is not State.WELCOMING:
        return
    server = connection.server
    steer(connection)
    server.admission.arrive(connection, arrival, message, turned)
    connection.state = State.LIVE
    connection.input.gate.allowance = server.allowance(arrival.session, connection.peer_host)
    connection.input.gate.volume = server.volume(arrival.session, connection.peer_host)
    connection.input.gate.lift(Hold.LOGIN)
    connection.input.hesitate()
    pulse = arrival.pulse
    connection.liveness.heartbeat = Heartbeat(pulse.interval, pulse.misses, server.clock.seconds())
    connection.input.go_on()


def _refuse(connection: "ChatConnection", failure: Failure) -> None:
    error = failure.value
    if isinstance(error, ChatdError):
        connection.fail(error, CloseReason.REFUSED)
    else:
        log.failure("login-fault", failure, peer=connection.address)
        connection.close(CloseReason.FAULT)
    failure.cleanFailure()  # tracebacks hold in a circle whatever was there
    while error is not None:
        error.__traceback__, error = None, error.__context__


def confirm(connection: "ChatConnection") -> None:
    """Note that the client has its token: it answered the ping behind the welcome."""
    if connection.session is not None:
        connection.server.hub.confirm(connection.session)
