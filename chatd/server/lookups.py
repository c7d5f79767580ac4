"""Look-ups: requests that are decided once something was read from the store; none is taken before."""

from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from chatd.chat.comparing import TurnedJoin
from chatd.chat.facts import Facts
from chatd.chat.looked import Looked
from chatd.chat.names import USER_SIGN
from chatd.chat.queries import HistoryQuery, Look, Search
from chatd.chat.storage import HitPage
from chatd.server.budgets import Action
from chatd.server.dialogue import afford, request, take_up
from chatd.server.gate import Hold
from chatd.server.reads import UNREADABLE, answer
from chatd.server.states import State
from chatd.wire.errors import Code, ProtocolError, RequestError
from chatd.wire.messages import Join, Request

if TYPE_CHECKING:
    from chatd.server.connection import ChatConnection


def join(connection: "ChatConnection", message: Join, size: int) -> None:
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
        if query.allowed():
            connection.reply([answer(query, events)], 1)
        else:
            connection.server.hub.call()
    except RequestError as error:
        connection.server.hub.refuse(connection, query.request, error)
    except Exception:  # noqa: BLE001 - a fault costs this connection alone and is logged (P8)
        connection.fault()


def looked(connection: "ChatConnection", query: Look, found: Looked | None) -> None:
    """Answer ``query`` with what was found, None if it could not be read."""
    take_up(connection, lambda: _looked(connection, query, found))


def _looked(connection: "ChatConnection", query: Look, found: Looked | None) -> None:
    refusal = RequestError(Code.STORAGE_UNAVAILABLE, UNREADABLE)
    if found is not None:
        try:
            durable = query.allowed()
        except RequestError as error:
            refusal = error
        else:
            if durable:
                connection.reply([query.answer(found)], 1)
            return
    connection.server.hub.refuse(connection, query.request, refusal)


def searched(connection: "ChatConnection", search: Search, found: HitPage | RequestError) -> None:
    """Answer ``search`` with what was found, or the refusal."""
    take_up(connection, lambda: _searched(connection, search, found))


def _searched(connection: "ChatConnection", search: Search, found: HitPage | RequestError) -> None:
    if isinstance(found, RequestError):
        connection.server.hub.refuse(connection, search.request, found)
    else:
        connection.reply([search.answer(found)], 1)


def found(connection: "ChatConnection", message: Request, facts: Facts | None) -> None:
    """Take the request ``message`` up with the facts that it asks for, as they were read; None if not."""
    take_up(connection, lambda: _found(connection, message, facts))


def _found(connection: "ChatConnection", message: Request, facts: Facts | None) -> None:
    hub, session = connection.server.hub, connection.session
    if facts is None:
        hub.refuse(connection, message.id, RequestError(Code.STORAGE_UNAVAILABLE, UNREADABLE))
    elif session is not None:
        hub.decide_found(connection, session, message, facts, connection.server.wall())
