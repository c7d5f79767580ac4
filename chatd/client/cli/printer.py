"""Printing what is said in rooms: lines for people or JSON lines for programs, as fast as they are read."""

from collections.abc import Callable
from typing import Any, Final

from twisted.internet.defer import Deferred

from chatd.client.api import Client
from chatd.client.cli import jsonlines
from chatd.client.cli.running import complain
from chatd.client.cli.showing import Days
from chatd.client.cli.stdout import Stdout
from chatd.client.cli.text import event_lines, gap_line, restored_line, shell_get
from chatd.client.core.notices import (
    CursorForgotten,
    EventSeen,
    GapSeen,
    JoinRefused,
    Notice,
    Restored,
    RoomClosed,
    RoomOpened,
    Stopped,
)
from chatd.client.core.problems import ClientError
from chatd.wire.names import fold

MOST: Final = 1_048_576
"""Bytes that may wait for standard output before reading from the server stops."""


class Printer:
    """Prints the events of ``rooms``; ``ended`` fires with a status, or fails, when there will be no more."""

    def __init__(self, reactor: Any, client: Client, rooms: tuple[str, ...], *, as_json: bool) -> None:
        self._client = client
        self._rooms = {fold(room) for room in rooms}
        self._json = as_json
        self._days = Days()
        self._paused = False
        self._beyond: dict[str, int] = {}
        self._output = Stdout(reactor, self.end)
        self.ended: Deferred[int] = Deferred()
        self.on_event: Callable[[EventSeen], None] = lambda _: None
        client.subscribe(self._heard)

    def end(self, status: int) -> None:
        """Print no more."""
        if not self.ended.called:
            self.ended.callback(status)

    def drained(self) -> Deferred[None]:
        """Return a Deferred that fires once everything is written out."""
        return self._output.drained()

    def write(self, data: bytes) -> None:
        """Write ``data``, and let the server wait while too much is not taken."""
        self._output.write(data)
        if self._output.pending > MOST and not self._paused:
            self._paused = True
            self._client.pause_reading()
            self._output.drained().addCallback(self._resume)

    def _resume(self, _: None) -> None:
        self._paused = False
        self._client.resume_reading()

    def _heard(self, notice: Notice) -> None:
        if not self.ended.called:
            _HEAR.get(type(notice), Printer._ignore)(self, notice)

    def _ignore(self, _: Notice) -> None:
        """Take no notice."""

    def _event(self, seen: EventSeen) -> None:
        if fold(seen.name) not in self._rooms:
            return
        if self._json:
            self.write(jsonlines.event_line(seen.event, seen.name, seen.check))
        elif (lines := event_lines(seen.event, seen.name, get=shell_get(seen.name))) is not None:
            self.write(self._days.printed(seen.event.ts, lines))
        self.on_event(seen)

    def _gap(self, gap: GapSeen) -> None:
        if fold(gap.name) in self._rooms:
            complain(gap_line(gap).removeprefix("chatc: "))
            if self._json:
                self.write(jsonlines.gap_line(gap))

    def _forgotten(self, forgotten: CursorForgotten) -> None:
        complain(f"{forgotten.name} ends before that event on this server; it is followed from its end")
        self._beyond[fold(forgotten.name)] = forgotten.seen

    def _opened(self, opened: RoomOpened) -> None:
        """Tell programs too where a room goes on that ends before the event that they named."""
        seen = self._beyond.pop(fold(opened.name), None)
        if seen is not None and self._json and fold(opened.name) in self._rooms:
            self.write(jsonlines.restored_line(Restored(opened.room, opened.name, opened.cursor, seen)))

    def _restored(self, restored: Restored) -> None:
        if fold(restored.name) in self._rooms:
            complain(restored_line(restored))
            if self._json:
                self.write(jsonlines.restored_line(restored))

    def _refused(self, refused: JoinRefused) -> None:
        self.ended.errback(ClientError(refused.code, refused.text))

    def _closed(self, closed: RoomClosed) -> None:
        name = fold(closed.name)
        if name in self._rooms:
            self._rooms.discard(name)
            complain(f"{closed.name} was left, here or on another device; nothing more comes from there")
            if not self._rooms:
                self.end(1)

    def _stopped(self, stopped: Stopped) -> None:
        self.ended.errback(ClientError(stopped.code, stopped.text))


_HEAR: Final[dict[type, Callable[[Printer, Any], None]]] = {
    EventSeen: Printer._event,  # noqa: SLF001 - its own table
    GapSeen: Printer._gap,  # noqa: SLF001
    CursorForgotten: Printer._forgotten,  # noqa: SLF001
    RoomOpened: Printer._opened,  # noqa: SLF001
    Restored: Printer._restored,  # noqa: SLF001
    JoinRefused: Printer._refused,  # noqa: SLF001
    RoomClosed: Printer._closed,  # noqa: SLF001
    Stopped: Printer._stopped,  # noqa: SLF001
}
