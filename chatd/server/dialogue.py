"""The dialogue: decides what a connection does about a message, whatever bytes it came in.

One table maps (state, message) to a handler; each kind of connection adds its own entries. A message that is
in no table is a request, and has to come after the hello.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure

from chatd.chat.arrival import Arrival
from chatd.chat.comparing import TurnedJoin
from chatd.chat.names import USER_SIGN
from chatd.chat.permissions import guest_refused
from chatd.chat.prepared import FoundRemove, HashedRegister
from chatd.chat.quota import SOONEST
from chatd.chat.requests import REFUSAL_COST, REQUESTS
from chatd.chat.state import HistoryQuery
from chatd.ops.log import Log
from chatd.server.budgets import Action, Flow, TooFastError
from chatd.server.gate import Hold
from chatd.server.reads import UNREADABLE, answer
from chatd.server.states import State
from chatd.server.steering import steer
from chatd.wire import messages as m
from chatd.wire.errors import ChatdError, CloseReason, Code, ProtocolError, RequestError
from chatd.wire.heartbeat import Heartbeat
from chatd.wire.messages import (
    Cancel,
    Download,
    Goodbye,
    Hello,
    History,
    Join,
    Ping,
    Progress,
    Remove,
    Upload,
)
from chatd.wire.objects import UnknownRequestError

if TYPE_CHECKING:
    from chatd.server.connection import ChatConnection

log = Log(__name__)

Handler = Callable[["ChatConnection", Any, int], None]
"""Handles a message of so many bytes."""

PATIENCE: Final = 1.0
"""Seconds for which a connection pauses behind a page of history at the most; beyond that it is refused."""

STILL: Final = Ping(data="still?")
"""The ping that asks a client after its hello whether it still wants to take its session over."""

_LOOKS: Final = frozenset(
    {m.Join, TurnedJoin, m.Leave, m.Read, m.ListRooms, m.Members, m.History, m.Download}
    | {m.Sessions, m.End, m.Logout, m.Register, HashedRegister}
)
"""What a guest may ask where guests only read: nothing of which a room's log would tell."""


def hear(connection: "ChatConnection", texts: list[bytes]) -> int:
    """Handle the messages in ``texts``, each as the tables name, and return how many.

    Only the first is handled in any case; the others are as long as the gate allows it. Raises
    `ProtocolError`.
    """
    now = connection.server.wall()
    gate, handlers, state = connection.input.gate, connection.protocol.MESSAGES, connection.state
    messages = connection.protocol.decode_all(texts)
    decide = _flooding if gate.flooded else request
    heard = 0
    try:
        for text in texts:
            if heard and (gate.shut or gate.allowance.left <= 0) and not gate.may_take():
                break
            heard += 1
            message = next(messages)
            handler = handlers.get((state, type(message)))
            if handler is None:
                decide(connection, message, len(text), now)
            else:
                handler(connection, message, len(text))
    finally:
        connection.messages_in += heard
        connection.server.counters.messages += heard
        connection.server.hub.call()
    return heard


def request(connection: "ChatConnection", message: Any, size: int, now: int) -> None:
    """Have the hub decide about a request; its `call` follows when all that came together was heard."""
    session = connection.session
    if session is None:
        raise ProtocolError(Code.HELLO_EXPECTED, "The first message must be a hello.")
    handling = REQUESTS[type(message)]
    connection.input.gate.owe(size + handling.answer_bytes, handling.cost)
    guests = connection.listener.rules.guests
    if guests != "allowed" and connection.reads_only and type(message) not in _LOOKS:
        connection.server.hub.refuse(connection, message.id, guest_refused())
        return
    connection.server.hub.decide(connection, session, message, now)


def _unknown(connection: "ChatConnection", error: UnknownRequestError, size: int) -> None:
    gate = connection.input.gate
    gate.owe(size, REFUSAL_COST)
    if not (gate.flooded and _flood(connection, error.id)):
        connection.server.hub.refuse(connection, error.id, error)


def _flooding(connection: "ChatConnection", message: Any, size: int, now: int) -> None:
    """Refuse a request of a peer that asks too much all the time, unless it was quiet for a moment."""
    if connection.session is None or not floods(connection, message, size):
        request(connection, message, size, now)


def _flood(connection: "ChatConnection", request: int) -> bool:
    """Refuse a request of a peer that asks too much all the time; return False if it was quiet meanwhile.

    Raises `ProtocolError` if it does not even heed the refusals.
    """
    gate = connection.input.gate
    wait, ignored = gate.flood()
    if not wait:
        return False
    limits = connection.server.limits
    wait = max(wait, SOONEST)
    flow, what = (Flow.BYTES, "bytes") if gate.heavy else (Flow.REQUESTS, "requests")
    text = (
        f"{getattr(limits, flow.value)} {what} in a second are the limit ({flow.value});"
        f" come back in {math.ceil(wait)} seconds."
    )
    if ignored >= limits.flood_refuse:
        raise ProtocolError(Code.TOO_FAST, text, retry_after=round(wait, 3))
    refusal = RequestError(Code.TOO_FAST, text, retry_after=round(wait, 3))
    connection.server.hub.refuse(connection, request, refusal)
    return True


def _budgeted(action: Action, patience: float = 0.0) -> Handler:
    """Return the handler of a request that costs one ``action``; it pauses for ``patience`` at the most."""

    def handle(connection: "ChatConnection", message: Any, size: int) -> None:
        if afford(connection, message, size, action, patience):
            request(connection, message, size, connection.server.wall())

    return handle


def floods(connection: "ChatConnection", message: Any, size: int) -> bool:
    """Return whether a request is refused because its peer asks too much all the time."""
    gate = connection.input.gate
    if not (gate.flooded and _flood(connection, message.id)):
        return False
    gate.owe(size, 1)
    return True


def afford(
    connection: "ChatConnection", message: Any, size: int, action: Action, patience: float = 0.0
) -> bool:
    """Count one ``action``; return False if the request is refused because of it."""
    session, server = connection.session, connection.server
    if session is None:
        return True
    if floods(connection, message, size):
        return False
    gate = connection.input.gate
    try:
        pause = server.budgets.spend(
            action, connection.peer_host, session.user, server.clock.seconds(), patience=patience
        )
    except TooFastError as error:
        gate.owe(size, 1)
        server.hub.refuse(connection, message.id, error.of_request())
        return False
    if pause:
        gate.pause(pause)
    return True


def _hello(connection: "ChatConnection", message: Hello, _: int) -> None:
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


def confirm(connection: "ChatConnection") -> None:
    """Note that the client has its token: it answered the ping behind the welcome."""
    if connection.session is not None:
        connection.server.hub.confirm(connection.session)


def _join(connection: "ChatConnection", message: Join, size: int) -> None:
    """Compare what the client has seen of the room with its log before it is followed."""
    session = connection.session
    room = connection.server.hub.world.rooms.get(message.room)
    direct = message.room.startswith(USER_SIGN)
    comes = room is None or session is None or session.user not in room.members
    if comes and not direct and not afford(connection, message, size, Action.JOIN):
        return  # who only follows what they are in, as after a reconnect, has no budget
    if session is None or message.after is None or not message.trail:
        request(connection, message, size, connection.server.wall())
        return
    connection.input.gate.hold(Hold.PAGE)
    compared: Deferred[Any] = connection.server.histories.compare(
        session.user, connection.peer_host, {message.room: message.after}, {message.room: message.trail}
    )
    compared.addBoth(lambda turned: take_up(connection, lambda: _compared(connection, message, size, turned)))


def _compared(connection: "ChatConnection", message: Join, size: int, turned: Any) -> None:
    if isinstance(turned, Failure):
        turned.trap(ProtocolError)
        connection.input.gate.owe(size, 1)
        refusal = RequestError(Code.STORAGE_UNAVAILABLE, UNREADABLE)
        connection.server.hub.refuse(connection, message.id, refusal)
    elif turned:
        turned_join = TurnedJoin(id=message.id, room=message.room, after=turned[message.room])
        request(connection, turned_join, size, connection.server.wall())
    else:
        request(connection, message, size, connection.server.wall())


def paged(connection: "ChatConnection", query: HistoryQuery, events: list[bytes] | None) -> None:
    """Answer ``query`` with the ``events`` of the page that was read for it; None if it was not."""
    connection.input.gate.lift(Hold.PAGE)
    if connection.state is State.CLOSING:
        return
    try:
        query.allowed()
        connection.reply([answer(query, events)], 1)
    except RequestError as error:
        connection.server.hub.refuse(connection, query.request, error)
    except Exception:  # noqa: BLE001 - a fault costs this connection alone and is logged (P8)
        connection.fault()


def found(connection: "ChatConnection", message: Remove, events: list[bytes] | None) -> None:
    """Take the request ``message`` up with the event that it names, as it was read; None if it was not."""
    take_up(connection, lambda: _found(connection, message, events))


def _found(connection: "ChatConnection", message: Remove, events: list[bytes] | None) -> None:
    hub, session = connection.server.hub, connection.session
    if events is None:
        hub.refuse(connection, message.id, RequestError(Code.STORAGE_UNAVAILABLE, UNREADABLE))
    elif session is not None:
        whole = FoundRemove(
            id=message.id,
            room=message.room,
            seq=message.seq,
            reason=message.reason,
            stored=events[0] if events else b"",
        )
        hub.decide(connection, session, whole, connection.server.wall())


def take_up(connection: "ChatConnection", decide: Callable[[], None]) -> None:
    """Take up a request for which the gate was held as for a page: ``decide`` about it, and take on."""
    connection.input.gate.lift(Hold.PAGE)
    if connection.state is State.CLOSING:
        return
    try:
        decide()
        connection.server.hub.call()
        connection.input.go_on()
    except Exception:  # noqa: BLE001 - a fault costs this connection alone and is logged (P8)
        connection.fault()


def _second_hello(_: "ChatConnection", __: Hello, ___: int) -> None:
    raise ProtocolError(Code.HELLO_REPEATED, "A connection begins once; open another for another hello.")


def _goodbye(connection: "ChatConnection", message: Goodbye, _: int) -> None:
    if message.forget:
        connection.server.forget(connection)
    connection.close(CloseReason.GOODBYE)


def _progress(connection: "ChatConnection", message: Progress, _: int) -> None:
    if connection.transfers is not None:
        connection.transfers.progress(message)


def _cancel(connection: "ChatConnection", message: Cancel, _: int) -> None:
    if connection.transfers is not None:
        connection.transfers.cancel(message)


COMMON: Final[dict[tuple[State, type], Handler]] = {
    (State.OPENED, Hello): _hello,
    (State.OPENED, Goodbye): _goodbye,
    (State.LIVE, Hello): _second_hello,
    (State.LIVE, Join): _join,
    (State.LIVE, m.InviteTo): _budgeted(Action.ACT),
    (State.LIVE, m.Kick): _budgeted(Action.ACT),
    (State.LIVE, m.Ban): _budgeted(Action.ACT),
    (State.LIVE, m.Mute): _budgeted(Action.ACT),
    (State.LIVE, Remove): _budgeted(Action.ACT),
    (State.LIVE, History): _budgeted(Action.HISTORY, PATIENCE),
    (State.LIVE, Upload): _budgeted(Action.FILE),
    (State.LIVE, Download): _budgeted(Action.FILE),
    (State.LIVE, Goodbye): _goodbye,
    (State.LIVE, Progress): _progress,
    (State.LIVE, Cancel): _cancel,
    (State.LIVE, UnknownRequestError): _unknown,
}
"""The handlers that every kind of connection has."""
