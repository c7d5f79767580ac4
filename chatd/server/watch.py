"""The watch: pings, ends or aborts a connection that the reaper sweeps, according to its state."""

import math
from collections.abc import Callable
from typing import Final, Protocol

from chatd.server import steering
from chatd.server.ending import CLOSE_DEADLINE
from chatd.server.input import Input
from chatd.server.liveness import Liveness
from chatd.server.output import Output
from chatd.server.states import State
from chatd.server.steering import Steered
from chatd.wire.errors import CloseReason, Code, ProtocolError
from chatd.wire.heartbeat import Verdict
from chatd.wire.messages import Ping


class Watched(Steered, Protocol):
    """A connection as the watch sees it."""

    input: Input
    output: Output
    liveness: Liveness


def look(connection: Watched, now: float) -> None:
    """Ping, end or abort ``connection`` if that is due at the monotonic second ``now``."""
    _LOOKS[connection.state](connection, now)


def _opening(connection: Watched, now: float) -> None:
    steering.look(connection, now)
    late = connection.liveness.waited(now) >= connection.server.limits.hello_timeout
    if late and not connection.input.waits:
        missing = "hello" if connection.input.asked is None else "answer to the ping behind the hello"
        error = ProtocolError(Code.HELLO_TIMEOUT, f"No {missing} came in time; connect again.")
        connection.fail(error, CloseReason.HELLO_TIMEOUT)


def _live(connection: Watched, now: float) -> None:
    liveness = connection.liveness
    if not connection.reader.paused and liveness.quiet(now):
        return
    again = steering.look(connection, now)
    liveness.hasty = again < math.inf
    if connection.state is State.CLOSING:
        return
    if connection.reader.paused:
        if liveness.stuck(connection.output.traffic(), now, connection.server.limits.write_timeout):
            _give_up(connection, CloseReason.STUCK, now)
        return
    verdict = liveness.check(connection.output.traffic, now)
    liveness.due = min(liveness.due, again)
    if verdict is Verdict.PING:
        connection.output.say(_PING)
        if liveness.heartbeat.silence(now) >= 2 * liveness.heartbeat.interval:
            connection.record.missed += 1
        connection.server.counters.pings += 1
    elif verdict is Verdict.DEAD:
        _give_up(connection, CloseReason.SILENT, now)


def _give_up(connection: Watched, reason: CloseReason, now: float) -> None:
    connection.server.journal.reaped(connection, connection.liveness.heartbeat.silence(now))
    connection.abort(reason)


def _closing(connection: Watched, now: float) -> None:
    if connection.liveness.waited(now) >= CLOSE_DEADLINE:
        connection.abort(CloseReason.STUCK)


_PING: Final = Ping()
_LOOKS: Final[dict[State, Callable[[Watched, float], None]]] = {
    State.OPENED: _opening,
    State.WELCOMING: _opening,
    State.LIVE: _live,
    State.CLOSING: _closing,
}
