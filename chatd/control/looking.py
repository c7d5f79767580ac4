"""The requests that only look: ``status``, ``who`` and ``rooms``. All walk what there is in short turns."""

import os
import resource
from collections import Counter
from pathlib import Path
from typing import Any, Final

from twisted.internet.defer import Deferred

from chatd import __version__
from chatd.chat.state import Room
from chatd.chat.storage import Space
from chatd.control.context import Context
from chatd.control.messages import AskRooms, AskStatus, AskWho
from chatd.control.rows import Connected, RateRow, RoomRow, StatusReport, Times
from chatd.control.stream import Stream
from chatd.control.where import conditions
from chatd.counters import Histogram
from chatd.ops.words import counted
from chatd.server.connection import ChatConnection
from chatd.server.gate import Hold
from chatd.server.states import State
from chatd.tcp import round_trip

_PAGES: Final = Path("/proc/self/statm")

SPACE_PATIENCE: Final = 1.0
"""Seconds that the disk is given to tell how large the store is: it may hang, and that is to be seen too."""

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
        members=len(room.members),
        followers=log.audience_size,
        head=log.head,
        first=log.first,
        recent=log.tail_bytes,
        rate=round(context.rates.of_room(log.id), 3),
    )


# ---- status -----------------------------------------------------------------------------------------------


async def status(context: Context, stream: Stream, _: AskStatus) -> None:
    """Hand out one row about the whole daemon."""
    server, counters = context.server, context.server.counters
    world, files = server.hub.world, server.files
    listeners: Counter[str] = Counter()
    states: Counter[str] = Counter()
    lagging = held = 0
    for connection in list(server.connections):
        if isinstance(connection, ChatConnection):
            listeners[connection.listener.rules.name] += 1
            states[connection.state.value] += 1
            lagging += connection.reader.lags
            held += bool(connection.input.gate.shut & Hold.PAUSE.value)
        if stream.due:
            await stream.turn()
    direct = 0
    for room in list(world.rooms.values()):
        direct += room.direct
        if stream.due:
            await stream.turn()
    asked: Deferred[Any] = Deferred()
    asked.addTimeout(SPACE_PATIENCE, context.clock, lambda *_: None)
    server.store.space(asked.callback)
    space = await stream.until(asked)
    space = space if isinstance(space, Space) else None
    stream.add(
        StatusReport(
            version=__version__,
            pid=os.getpid(),
            uptime=round(context.clock.seconds() - context.started, 1),
            server=context.id,
            data=str(context.data),
            draining=server.draining,
            connections=len(server.connections),
            waiting=len(server.waiting),
            listeners=dict(listeners),
            states=dict(states),
            users=len(world.users),
            sessions=len(world.sessions),
            rooms=len(world.rooms) - direct,
            direct=direct,
            rates={name: RateRow(**rate._asdict()) for name, rate in context.rates.rates().items()},
            events=counters.events,
            messages=counters.messages,
            deliveries=counters.deliveries,
            commit_events=_times(counters.commit_events),
            commit_seconds=_times(counters.commit_seconds),
            sync_seconds=_times(server.store.syncs),
            failed_commits=counters.failed_commits,
            longest_stall=round(counters.stalls.most, 4),
            memory=_memory(),
            store_size=space and space.size,
            store_free=space and space.free,
            store_wal=space and space.wal,
            files=None if files is None else len(files.sizes),
            file_bytes=None if files is None else files.used,
            uploads=0 if files is None else len(files.uploads),
            downloads=0 if files is None else len(files.downloads),
            lagging=lagging,
            ended=dict(counters.ended),
            refused=dict(counters.refused),
            limited=await _limited(context, stream, held),
        )
    )


async def _limited(context: Context, stream: Stream, held: int) -> list[str]:
    """Return what is refused or held back now, in words."""
    server = context.server
    found = []
    if server.committer.broken:
        found.append("nothing can be written: see store-broken in the log")
    if len(server.connections) + len(server.waiting) >= server.limits.max_connections:
        found.append(f"newcomers: there are max_connections = {server.limits.max_connections}")
    if held:
        they = "is read slowly: it asks" if held == 1 else "are read slowly: they ask"
        found.append(f"{counted(held, 'connection')} {they} too much")
    for name in server.budgets.known():
        actions = server.budgets.exhausted(name, context.clock.seconds())
        if actions:
            found.append(f"{name} has used up: {', '.join(actions)}")
        if stream.due:
            await stream.turn()
        if len(found) >= MOST_LIMITED:
            found.append("and more")
            break
    return found


MOST_LIMITED: Final = 50
"""What is limited now is named up to so many times."""


def _times(histogram: Histogram) -> Times:
    number = histogram.number
    return Times(
        number=number,
        mean=round(histogram.total / number, 6) if number else 0.0,
        p90=histogram.quantile(0.9),
        p99=histogram.quantile(0.99),
        most=round(histogram.most, 6),
    )


def _memory() -> int:
    """Return how many bytes of the process are in memory."""
    try:
        return int(_PAGES.read_text().split()[1]) * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
