"""The request ``status``: the state of the whole daemon, counted in short turns."""

import os
import resource
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from twisted.internet.defer import Deferred

from chatd import __version__
from chatd.chat.storage import Space
from chatd.control.context import Context
from chatd.control.messages import AskStatus
from chatd.control.rows import RateRow, StatusReport, Times
from chatd.control.stream import Stream
from chatd.counters import Histogram
from chatd.ops.words import counted
from chatd.server.connection import ChatConnection
from chatd.server.gate import Hold
from chatd.server.server import Server

_PAGES: Final = Path("/proc/self/statm")

SPACE_PATIENCE: Final = 1.0
"""Seconds that the disk is given to tell how large the store is: it may hang, and that is to be seen too."""

MOST_LIMITED: Final = 50
"""What is limited now is named up to so many times."""


@dataclass
class _Count:
    """What is counted one by one.

    That is connections by listener and by state, those that lag or are read slowly, and logs of direct
    messages.
    """

    listeners: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    lagging: int = 0
    held: int = 0
    direct: int = 0


async def status(context: Context, stream: Stream, _: AskStatus) -> None:
    """Hand out one row about the whole daemon."""
    count = await _count(context.server, stream)
    space = await _space(context, stream)
    limited = await _limited(context, stream, count.held)
    stream.add(_report(context, count, space, limited))


async def _count(server: Server, stream: Stream) -> _Count:
    count = _Count()
    for connection in list(server.connections):
        if isinstance(connection, ChatConnection):
            count.listeners[connection.listener.rules.name] += 1
            count.states[connection.state.value] += 1
            count.lagging += connection.reader.lags
            count.held += bool(connection.input.gate.shut & Hold.PAUSE.value)
        if stream.due:
            await stream.turn()
    for room in list(server.hub.world.rooms.values()):
        count.direct += room.direct
        if stream.due:
            await stream.turn()
    return count


async def _space(context: Context, stream: Stream) -> Space | None:
    """Return the size of the store, if the disk tells it in time."""
    asked: Deferred[Any] = Deferred()
    asked.addTimeout(SPACE_PATIENCE, context.clock, lambda *_: None)
    context.server.store.space(asked.callback)
    space = await stream.until(asked)
    return space if isinstance(space, Space) else None


async def _limited(context: Context, stream: Stream, held: int) -> list[str]:
    """Return what is refused or held back now, in words."""
    server = context.server
    found = []
    if server.committer.broken:
        found.append("nothing can be written: see store-broken in the log")
    if server.admission.disk_hangs:
        found.append(f"everybody: the disk has not answered for {server.committer.waiting:.0f} s")
    if server.counters.log_error:
        found.append(f"the log: it cannot be written: {server.counters.log_error}")
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


def _report(context: Context, count: _Count, space: Space | None, limited: list[str]) -> StatusReport:
    server, counters = context.server, context.server.counters
    world, files = server.hub.world, server.files
    return StatusReport(
        version=__version__,
        pid=os.getpid(),
        uptime=round(context.clock.seconds() - context.about.started, 1),
        server=context.about.id,
        data=str(context.about.data),
        draining=server.draining,
        connections=len(server.connections),
        waiting=len(server.waiting),
        listeners=dict(count.listeners),
        states=dict(count.states),
        users=len(world.users),
        sessions=len(world.sessions),
        rooms=len(world.rooms) - count.direct,
        direct=count.direct,
        rates={name: RateRow(**rate._asdict()) for name, rate in context.rates.rates().items()},
        events=counters.events,
        messages=counters.messages,
        deliveries=counters.deliveries,
        commit_events=_times(counters.commit_events),
        commit_seconds=_times(counters.commit_seconds),
        sync_seconds=_times(server.store.syncs),
        failed_commits=counters.failed_commits,
        longest_stall=round(counters.stalls.most, 4),
        clock_steps=counters.clock_steps,
        dropped_lines=counters.dropped_lines,
        failed_accepts=counters.failed_accepts,
        memory=_memory(),
        store_size=space and space.size,
        store_free=space and space.free,
        store_wal=space and space.wal,
        files=None if files is None else len(files.sizes),
        file_bytes=None if files is None else files.used,
        uploads=0 if files is None else len(files.uploads),
        downloads=0 if files is None else len(files.downloads),
        lagging=count.lagging,
        ended=dict(counters.ended),
        refused=dict(counters.refused),
        limited=limited,
    )


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
