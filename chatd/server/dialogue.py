"""The dialogue: decides what a connection does about a message, whatever bytes it came in.

One table maps (state, message) to a handler (`chatd.server.handlers`); each kind of connection adds its own
entries. A message that is in no table is a request, and has to come after the hello.
"""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

from chatd.chat import sending
from chatd.chat.comparing import TurnedJoin
from chatd.chat.permissions import guest_refused
from chatd.chat.prepared import HashedRegister
from chatd.chat.quota import SOONEST
from chatd.chat.requests import REFUSAL_COST, REQUESTS
from chatd.server.budgets import Action, Flow, TooFastError
from chatd.server.gate import Hold
from chatd.server.states import State
from chatd.wire import messages as m
from chatd.wire.errors import Code, ProtocolError, RequestError
from chatd.wire.objects import UnknownRequestError

if TYPE_CHECKING:
    from chatd.server.connection import ChatConnection

Handler = Callable[["ChatConnection", Any, int], None]
"""Handles a message of so many bytes."""


class Batched(Protocol):
    """Has messages that came in, several of which can be taken at once."""

    def take_messages(self, most: int) -> list[bytes]:
        """Return those that stand first, at most ``most``."""

    def put_back(self, texts: Sequence[bytes], /) -> None:
        """Let ``texts``, the last ones that were taken, be taken again."""


_LOOKS: Final = frozenset(
    {m.Join, TurnedJoin, m.Leave, m.Read, m.ListRooms, m.Members, m.History, m.Look, m.Pins}
    | {m.Search, m.Download}
    | {m.Sessions, m.End, m.Logout, m.Register, HashedRegister}
)
"""What a guest may ask where guests only read: nothing of which a room's log would tell."""

SEND_BYTES: Final = REQUESTS[m.Send].answer_bytes
"""Bytes of the answer to a message, about."""


def hear(connection: "ChatConnection", texts: list[bytes]) -> int:
    """Handle the messages in ``texts``, each as the tables name, and return how many.

    Only the first is handled in any case; the others are as long as the gate allows it. Raises
    `ProtocolError`.
    """
    now, gate = connection.server.wall(), connection.input.gate
    heard = _hear_read(connection, texts, now)
    if not heard:
        return _hear_decoded(connection, texts, now)
    if heard < len(texts) and ((not gate.shut and gate.allowance.left > 0) or gate.may_take()):
        heard += _hear_decoded(connection, texts[heard:], now)
    return heard


def _hear_read(connection: "ChatConnection", texts: list[bytes], now: int) -> int:
    """Handle the plain messages that stand first, without decoding them, as far as the gate allows it.

    Return how many; 0 where something else stands there.
    """
    session, server, gate = connection.session, connection.server, connection.input.gate
    if session is None or gate.flooded or connection.reads_only or server.taps:
        return 0
    world = server.hub.world
    run = sending.read(world, session, texts)
    if run is None:
        return 0
    room, ids, said = run
    count = gate.owe_all([len(text) + SEND_BYTES for text in texts[: len(ids)]])
    sending.post_read(world, connection, session, room, ids[:count], said[:count], now)
    connection.messages_in += count
    server.counters.messages += count
    server.hub.call()
    return count


def _hear_decoded(connection: "ChatConnection", texts: list[bytes], now: int) -> int:
    """Do what `hear` does for messages of any kind and spelling."""
    gate, handlers, state = connection.input.gate, connection.protocol.MESSAGES, connection.state
    read = connection.protocol.decode_all(texts)
    messages = iter(read)
    together = read if isinstance(read, list) and not gate.flooded else None
    ask = _flooding if gate.flooded else request
    heard = 0
    try:
        while heard < len(texts):
            if heard and (gate.shut or gate.allowance.left <= 0) and not gate.may_take():
                break
            if together is not None and (count := _hear_sends(connection, together, texts, heard, now)):
                heard += count
                continue
            size = len(texts[heard])
            heard += 1
            message = next(messages) if together is None else together[heard - 1]
            handler = handlers.get((state, type(message)))
            if handler is None:
                ask(connection, message, size, now)
            else:
                handler(connection, message, size)
    finally:
        connection.messages_in += heard
        connection.server.counters.messages += heard
        connection.server.hub.call()
    return heard


def _hear_sends(
    connection: "ChatConnection", messages: list[Any], texts: list[bytes], begin: int, now: int
) -> int:
    """Handle the plain messages that stand at ``begin`` in one pass, as far as the gate allows it.

    Return how many; 0 where something else stands there.
    """
    session, world = connection.session, connection.server.hub.world
    if session is None or connection.reads_only:
        return 0
    run = sending.run_of(world, session, messages, begin)
    if run is None:
        return 0
    room, sends = run
    sizes = [len(text) + SEND_BYTES for text in texts[begin : begin + len(sends)]]
    count = connection.input.gate.owe_all(sizes)
    sending.post(world, connection, session, room, sends[:count], now)
    return count


def hear_plain(connection: "ChatConnection", sends: list[m.Send], sizes: list[int]) -> int:
    """Handle plain messages to one room that came in no texts of their own, as far as the gate allows it.

    Return how many; 0 where they are not plain.
    """
    session, server = connection.session, connection.server
    if session is None or connection.reads_only or connection.input.gate.flooded:
        return 0
    run = sending.run_of(server.hub.world, session, sends, 0)
    if run is None:
        return 0
    count = connection.input.gate.owe_all([size + SEND_BYTES for size in sizes[: len(run.sends)]])
    sending.post(server.hub.world, connection, session, run.room, run.sends[:count], server.wall())
    connection.messages_in += count
    server.counters.messages += count
    server.hub.call()
    return count


def hear_run(connection: "ChatConnection", decoder: Batched, most: int) -> int:
    """Handle the messages that stand first in ``decoder``, at most ``most``; return how many.

    It is 0 where something else stands there. Raises `ProtocolError`.
    """
    texts = decoder.take_messages(most)
    if not texts:
        return 0
    heard = hear(connection, texts)
    if heard < len(texts):
        decoder.put_back(texts[heard:])
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


def decide(connection: "ChatConnection", message: Any, size: int) -> None:
    """Handle a message that came in no text of its own, in a state that has requests, as `hear` does."""
    handler = connection.protocol.MESSAGES.get((connection.state, type(message)))
    try:
        if handler is not None:
            handler(connection, message, size)
        else:
            ask = _flooding if connection.input.gate.flooded else request
            ask(connection, message, size, connection.server.wall())
    finally:
        connection.messages_in += 1
        connection.server.counters.messages += 1
        connection.server.hub.call()


def unknown(connection: "ChatConnection", error: UnknownRequestError, size: int) -> None:
    """Refuse a request of a kind that is not known."""
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
