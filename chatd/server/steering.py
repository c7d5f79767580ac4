"""Steering: what is done for a connection to a host whose path swallows large packets.

What is to be done is decided by its course (`chatd.server.paths`).
"""

import math
from typing import Any, Protocol

from chatd.server.eager import narrow, outlet
from chatd.server.interfaces import Connection
from chatd.server.paths import LATER, REPEATS, Course, Step, calm
from chatd.server.server import Server
from chatd.server.states import State
from chatd.tcp import allow_fragments, far_host, flow
from chatd.wire.errors import CloseReason


class Steered(Connection, Protocol):
    """A connection whose way to its host is looked after; ``course`` is None as long as none is needed."""

    course: Course | None
    server: Server
    state: State
    transport: Any


def steer(connection: Steered) -> None:
    """Take what is known of the path into account, before anything large is written."""
    course, transport, paths = connection.course, connection.transport, connection.server.paths
    if course is None and paths and paths.knows(host := far_host(transport)):
        course = connection.course = paths.ordinary(host, connection.opened)
    if course is not None:
        course.renew(connection.server.clock.seconds())
        if course.fragments:
            allow_fragments(transport)
        if course.segment:
            connection.server.journal.narrowed(connection, f"it is sent segments of {course.segment} bytes")
        narrow(transport, course.segment)
    connection.reader.connect(outlet(transport))


def look(connection: Steered, now: float) -> float:
    """Help what is swallowed on the path; return when another look is due."""
    opening, state, course = connection.state is not State.LIVE, flow(connection.transport), connection.course
    if course is None and state.repeats >= REPEATS:
        host = far_host(connection.transport)
        course = connection.course = connection.server.paths.ordinary(host, connection.opened)
    if course is None:
        step = calm(state, now - connection.opened, opening=opening)
    else:
        step = course.look(state, now, opening=opening)
    if step is Step.ALLOW_FRAGMENTS:
        allow_fragments(connection.transport)
        connection.server.journal.narrowed(connection, "routers may take them apart now")
    elif step is Step.END:
        connection.server.journal.narrowed(
            connection, "the connection is ended, the next one is sent smaller segments"
        )
        connection.abort(CloseReason.SWALLOWED)
    return {Step.NOTHING: math.inf, Step.LOOK_LATER: now + LATER}.get(step, 0.0)
