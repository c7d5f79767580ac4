"""``explain`` and ``trace``: why somebody was cut off, and what became of one event."""

from chatd.chat.log import Log
from chatd.chat.names import USER_SIGN
from chatd.control import messages as m
from chatd.control.context import Context
from chatd.control.messages import RefusedError
from chatd.control.past import meant
from chatd.control.rows import Traced, TraceRow
from chatd.control.stream import Stream
from chatd.server.connection import ChatConnection
from chatd.server.life import Life, life_of
from chatd.server.states import State
from chatd.tcp import held_back, unsent
from chatd.wire.names import fold

MOST = 50
"""Lives that are told of."""


async def explain(context: Context, stream: Stream, asked: m.AskExplain) -> None:
    """Hand out the lives of somebody's last connections, those that are up first, then the newest."""
    column, value = meant(asked.whom)
    found = []
    for connection in list(context.server.connections):
        if isinstance(connection, ChatConnection) and _is(connection, column, value):
            found.append(life_of(connection, context.clock.seconds(), context.wall()))
        if stream.due:
            await stream.turn()
    found.sort(key=lambda life: -life.began)
    past: list[Life] = await stream.until(context.past.find(column, value))
    for life in [*found, *sorted(past, key=lambda life: -life.began)][:MOST]:
        stream.add(life)
    if not found and not past:
        raise RefusedError(
            "not-known", f"Nothing is known of {asked.whom}; name a nick, a connection or an address."
        )


def _is(connection: ChatConnection, column: str, value: object) -> bool:
    if connection.state is State.CLOSING:
        return False
    if column == "number":
        return connection.number == value
    if column == "host":
        return connection.peer_host == value
    return bool(connection.record.nick) and fold(connection.record.nick) == value


async def trace(context: Context, stream: Stream, asked: m.AskTrace) -> None:
    """Hand out when an event was taken in and committed, and then a row for each device of the members."""
    server, now = context.server, context.clock.seconds()
    room = None if asked.room.startswith(USER_SIGN) else server.hub.world.rooms.get(fold(asked.room))
    if room is None:
        raise RefusedError("no-such-room", f"There is no room {asked.room}; chatctl rooms lists them.")
    if not room.log.first <= asked.seq <= room.log.head:
        raise RefusedError("no-such-event", f"There is no event {asked.seq} in {asked.room}.")
    log = room.log
    commit = next((one for one in server.committer.recent if one.holds(log.id, asked.seq)), None)
    stream.add(
        Traced(
            room=room.name,
            seq=asked.seq,
            head=log.head,
            sealed=None if commit is None else context.wall() - round((now - commit.sealed) * 1000),
            committed=None if commit is None else context.wall() - round((now - commit.committed) * 1000),
            events=0 if commit is None else commit.events,
        )
    )
    for user in list(room.members):
        for session in list(user.sessions):
            connection = session.peer
            if not isinstance(connection, ChatConnection):
                stream.add(TraceRow(nick=user.nick, session=session.id, state="away"))
            else:
                stream.add(_handed(connection, user.nick, session.id, log, asked.seq))
            if stream.due:
                await stream.turn()


def _handed(connection: ChatConnection, nick: str, session: int, log: Log, seq: int) -> TraceRow:
    """Return whether ``connection`` was handed event ``seq``, and what its system has not acknowledged."""
    reader = connection.reader
    if not reader.follows(log):
        state, cursor = "does not follow", None
    else:
        cursor = reader.cursor(log)
        state = "handed" if cursor >= seq else "takes nothing" if reader.paused else "catches up"
    return TraceRow(
        nick=nick,
        session=session,
        connection=connection.number,
        state=state,
        cursor=cursor,
        unsent=held_back(connection.transport),
        unacknowledged=unsent(connection.transport),
    )
