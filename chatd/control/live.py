"""``tail`` at another level than the log's: what is said from now on of one nick, or of one connection."""

from collections import deque
from collections.abc import Iterable
from typing import Any, Final

import msgspec
from twisted.internet.task import deferLater
from twisted.logger import ILogObserver, LogEvent, LogLevel, globalLogPublisher
from zope.interface import implementer

from chatd.control.context import Context
from chatd.control.messages import AskTail, RefusedError
from chatd.control.rows import LogLine
from chatd.control.stream import Stream
from chatd.control.where import Condition
from chatd.ops.event_lines import json_line, level_of
from chatd.ops.log import KEY
from chatd.server.connection import ChatConnection
from chatd.server.server import Server
from chatd.server.states import State
from chatd.wire.names import fold

MOST: Final = 1000
"""Lines that wait for whoever asked; further ones are dropped, and counted (P5)."""

AT_ONCE: Final = 4
"""So many may look at once: each is called for every line that is logged, if only to pass over most."""

PAUSE: Final = 0.2
"""Seconds between two looks whether there is more."""

ONE_NEEDED: Final = (
    "A level of its own is for one connection or one nick: --where connection=NUMBER or --where nick=NICK."
)

_RANKS: Final = {level: rank for rank, level in enumerate(LogLevel.iterconstants())}
_decode: Final = msgspec.json.Decoder(dict[str, Any]).decode


@implementer(ILogObserver)
class Live:
    """Takes lines of at least ``level`` about connection ``number`` of ``server``, or the nick of ``key``.

    It looks at the messages of these connections, from `start` to `stop`; who comes in with that nick is
    looked at from then on. ``missed`` counts the lines that were too many.
    """

    def __init__(self, server: Server, level: str, number: int, key: str) -> None:
        self.missed = 0
        self._server = server
        self._least = _RANKS[LogLevel.levelWithName(level)]
        self._key = key
        self._numbers = {number} if number else set()
        self._opened: list[ChatConnection] = []
        self._lines: deque[str] = deque()

    def start(self) -> None:
        """Look."""
        self._server.taps.watchers += 1
        globalLogPublisher.addObserver(self)
        for one in list(self._server.connections):
            nick = "" if one.session is None else one.session.user.nick
            if one.number in self._numbers or (nick and fold(nick) == self._key):
                self._open(one)

    def stop(self) -> None:
        """Look no longer."""
        globalLogPublisher.removeObserver(self)
        self._server.taps.watchers -= 1
        for one in self._opened:
            self._server.taps.close(one)

    def _open(self, connection: object) -> None:
        if isinstance(connection, ChatConnection) and connection.state is not State.CLOSING:
            self._numbers.add(connection.number)
            self._opened.append(connection)
            self._server.taps.open(connection)

    def __call__(self, event: LogEvent) -> None:
        """Keep ``event`` if it is asked for."""
        said = event.get(KEY)
        if said is None:
            return
        number, nick = said.fields.get("connection"), said.fields.get("nick")
        known = number in self._numbers
        if not known and not (self._key and isinstance(nick, str) and fold(nick) == self._key):
            return
        if not known and number is not None:
            for one in [one for one in self._server.connections if one.number == number]:
                self._open(one)
        if _RANKS[level_of(event)] < self._least:
            return
        if len(self._lines) >= MOST:
            self.missed += 1
        else:
            self._lines.append(json_line(event))

    def take(self) -> list[str]:
        """Return the lines that have come."""
        lines, self._lines = list(self._lines), deque()
        return lines


async def look(context: Context, stream: Stream, asked: AskTail, wanted: list[Condition]) -> None:
    """Hand out what is said from now on, until whoever asked ends that."""
    live = Live(context.server, asked.level, *_one(asked.where))
    if context.server.taps.watchers >= AT_ONCE:
        raise RefusedError("busy", f"{AT_ONCE} commands look at connections already; end one of them.")
    live.start()
    try:
        while True:
            for line in map(_decode, live.take()):
                if all(condition(line) for condition in wanted):
                    stream.add(LogLine(cursor=0, line=line, missing=live.missed))
                    live.missed = 0
                if stream.due:
                    await stream.turn()
            await stream.turn()
            await deferLater(context.clock, PAUSE)
    finally:
        live.stop()


def _one(where: Iterable[str]) -> tuple[int, str]:
    """Return the number, or the key of the nick, that ``where`` names. Raises `RefusedError`."""
    for condition in where:
        name, equals, value = condition.partition("=")
        if name == "connection" and value.isdecimal():
            return int(value), ""
        if name == "nick" and equals and value and "*" not in value:
            return 0, fold(value)
    raise RefusedError("bad-condition", ONE_NEEDED)
