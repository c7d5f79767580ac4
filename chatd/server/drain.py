"""Drain: says goodbye to everybody, gives each a moment to come back, and waits until they are gone."""

import math
from collections.abc import Callable, Iterator
from typing import Final

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from chatd.clock import Clock
from chatd.ops.log import Log
from chatd.ops.settings import DrainConfig
from chatd.server.server import Server
from chatd.wire.errors import CloseReason

log = Log(__name__)

LOOK_INTERVAL: Final = 0.005
"""Seconds between two checks whether everybody is gone."""

RETURNS_PER_SECOND: Final = 1000
"""Clients that are asked to come back within one second at the most; a longer window serves more of them."""

AT_ONCE: Final = 100
"""Connections that are told goodbye in one turn, which stays short (P6)."""

GOODBYE: Final = "The server stops or restarts; clients come back when it is there."
"""What everybody is told, whether the next daemon comes at once or not at all."""

FIRST_SLOT: Final = 0.5
"""Seconds before which nobody is asked to come back: a restart takes as long."""


_GOLDEN: Final = 0.618_033_988_749_895


async def drain(server: Server, clock: Clock, idle: Callable[[], bool], config: DrainConfig) -> None:
    """Take no further request, let accepted ones become durable and be answered, then end every connection.

    Takes at most ``config.deadline`` seconds; connections that are left then are aborted. A disk that does
    not answer is waited for half of that time, so that the goodbyes have the other half.
    """
    end = clock.seconds() + config.deadline
    await say_goodbye(server, clock, idle, config)
    await see_off(server, clock, idle, end)


async def say_goodbye(
    server: Server,
    clock: Clock,
    idle: Callable[[], bool],
    config: DrainConfig,
    soonest: float = FIRST_SLOT,
) -> None:
    """Take no further request, let accepted ones become durable, and say goodbye to everybody.

    Nobody is asked to come back before ``soonest`` seconds.
    """
    server.draining = True
    for waiting in list(server.waiting):
        waiting.abort(CloseReason.DRAIN)
    for visitor in list(server.visitors):
        visitor.drain()
    end = clock.seconds() + config.deadline
    log.info("drain", connections=len(server.connections))
    await _wait(clock, end - config.deadline / 2, idle)
    leaving = list(server.connections)
    for slot in slots(len(leaving), config.window, soonest):
        leaving.pop().close(CloseReason.DRAIN, GOODBYE, slot)  # held no longer: all at once take long to free
        if len(leaving) % AT_ONCE == 0:
            await deferLater(clock, 0)
    await _wait(clock, end, idle)  # for what the goodbyes have changed


def slots(count: int, window: float, soonest: float) -> Iterator[float]:
    """Yield ``count`` seconds to come back at, evenly over ``window`` behind ``soonest``, in no order.

    The window is widened where there would be more than `RETURNS_PER_SECOND`. Each is made when it is asked
    for, by steps of the golden ratio through all of them, since twenty thousand at once take long (P6).
    """
    window = max(window, count / RETURNS_PER_SECOND)
    step = max(1, round(count * _GOLDEN))
    while math.gcd(step, count) > 1:
        step += 1
    index = 0
    for _ in range(count):
        yield round(soonest + window * index / count, 3)
        index = (index + step) % count


async def see_off(server: Server, clock: Clock, idle: Callable[[], bool], end: float) -> None:
    """Wait until the second ``end`` for everybody to be gone, and abort who is not."""
    await _wait(clock, end, lambda: _is_empty(server) and idle())
    left = [*server.connections, *server.visitors]
    while left:
        left.pop().abort(CloseReason.DRAIN)
        if len(left) % AT_ONCE == 0:
            await deferLater(clock, 0)
    await _wait(clock, clock.seconds() + 1.0, lambda: _is_empty(server) and idle())


def _is_empty(server: Server) -> bool:
    return not (server.connections or server.visitors)


async def _wait(clock: Clock, end: float, done: Callable[[], bool]) -> None:
    while not done() and clock.seconds() < end:
        pause: Deferred[None] = deferLater(clock, LOOK_INTERVAL)
        await pause
