"""The requests that list what there is: ``who`` and ``rooms``. They walk it in short turns."""

from typing import Final

from chatd.chat.state import Room
from chatd.control.context import Context
from chatd.control.messages import AskRooms, AskWho
from chatd.control.rows import Connected, RoomRow
from chatd.control.stream import Stream
from chatd.control.where import conditions
from chatd.server.connection import ChatConnection
from chatd.server.gate import Hold
from chatd.server.states import State
from chatd.tcp import round_trip

HELD: Final = {
    Hold.FULL: "takes nothing",
    Hold.PAUSE: "asks too much",
    Hold.OWED: "is owed answers",
    Hold.PAGE: "reads a page",
    Hold.LOGIN: "logs in",
    Hold.DRAIN: "drain",
}
"""Why nothing is taken from a connection now, in words."""


# ---- who --------------------------------------------------------------------------------------------------


async def who(context: Context, stream: Stream, asked: AskWho) -> None:
    """Hand out a row for each connection."""
    wanted = conditions(asked.where, Connected.__struct_fields__)
    for connection in list(context.server.connections):
        if isinstance(connection, ChatConnection) and connection.state is not State.CLOSING:
            row = connected(connection, context.clock.seconds())
            if all(condition(row) for condition in wanted):
                stream.add(row)
        if stream.due:
            await stream.turn()


def connected(connection: ChatConnection, now: float) -> Connected:
    """Return what there is to say of ``connection`` at the monotonic second ``now``."""
    session, reader = connection.session, connection.reader
    user = None if session is None else session.user
    return Connected(
        connection=connection.number,
        address=connection.address,
        state=connection.state.value,
        since=round(now - connection.opened, 1),
        silence=round(connection.liveness.heartbeat.silence(now), 1),
        bytes_in=connection.bytes_in,
        bytes_out=connection.output.bytes_out,
        nick="" if user is None else user.nick,
        account=user is not None and user.account is not None,
        operator=user is not None and user.operator,
        session=None if session is None else session.id,
        relay=connection.relay or "",
        listener=connection.listener.rules.name,
        protocol=connection.speaks,
        software="" if session is None else session.software,
        tls=connection.tls,
        round_trip=round_trip(connection.transport),
        lag=reader.lag,
        rooms=reader.followed,
        held=_held(connection),
    )


def _held(connection: ChatConnection) -> str:
    gate = connection.input.gate
    return ", ".join(words for hold, words in HELD.items() if gate.shut & hold.value)


# ---- rooms ------------------------------------------------------------------------------------------------


async def rooms(context: Context, stream: Stream, asked: AskRooms) -> None:
    """Hand out a row for each room; logs of direct messages are nobody's business, and only counted."""
    wanted = conditions(asked.where, RoomRow.__struct_fields__)
    for room in list(context.server.hub.world.rooms.values()):
        if not room.direct:
            row = _room(context, room)
            if all(condition(row) for condition in wanted):
                stream.add(row)
        if stream.due:
            await stream.turn()


def _room(context: Context, room: Room) -> RoomRow:
    log = room.log
    return RoomRow(
        room=room.name,
        kind=room.kind,
        members=room.size,
        followers=log.audience_size,
        head=log.head,
        first=log.first,
        recent=log.tail_bytes,
        rate=round(context.rates.of_room(log.id), 3),
        bytes=context.server.store.size_of(log.id),
    )
