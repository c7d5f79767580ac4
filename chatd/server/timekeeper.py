"""The timekeeper: moves and keeps the calendar, and warns of a wall clock that cannot be right."""

from typing import Final

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall, deferLater

from chatd.chat.ages import pause_between_marks
from chatd.chat.calendar import DAY
from chatd.chat.snapshots import numbers_of
from chatd.ops.log import Log
from chatd.server.server import Server

log = Log(__name__)

TICK: Final = 1.0
"""Seconds between two moves of the calendar."""

KEEP_INTERVAL: Final = 600.0
"""Seconds after which the calendar is kept on disk again: a crash loses no more of it."""

ROUND_INTERVAL: Final = 60.0
"""Seconds after which the logs are marked, and the wall clock is looked at."""

AT_ONCE: Final = 100
"""Logs that are looked at in one turn, which stays short (P6): it may have many marks to weigh for each."""

STEP: Final = 600_000
"""From so many milliseconds on the wall clock counts as set, not as corrected."""

BEHIND: Final = 3_600_000
"""From so many milliseconds on a clock is far behind the latest time known, which it showed itself."""

AHEAD: Final = 604_800_000
"""From so many milliseconds on a clock is far ahead of it; a daemon may well have been down for a weekend."""


class Timekeeper:
    """Keeps time for ``server``, and marks its logs as often as its configuration needs.

    Only the calendar decides what is old. So a wall clock that is wrong removes nothing; it is only warned
    of.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._next_round = self._next_keep = 0.0
        self._marking = False
        self._known = server.hub.world.clock
        self._checked: float | None = None
        self._loop = LoopingCall(self._tick)
        self._loop.clock = server.clock

    def start(self) -> None:
        """Begin: look at the clock, and go on from the time that was kept."""
        self._loop.start(TICK).addErrback(lambda failure: log.failure("housekeeping-fault", failure))

    def stop(self) -> None:
        """End."""
        if self._loop.running:
            self._loop.stop()

    def keep(self) -> None:
        """Have the calendar kept on disk."""
        self._server.hub.keep_time(self._server.wall())

    def _tick(self) -> None:
        now = self._server.clock.seconds()
        self._server.hub.world.calendar.run(now)
        try:
            if now >= self._next_round:
                self._next_round = now + ROUND_INTERVAL
                self._look_at_clock(now)
                if not self._marking:
                    Deferred.fromCoroutine(self._mark())
            if now >= self._next_keep:
                self._next_keep = now + KEEP_INTERVAL
                self.keep()
        except Exception:  # noqa: BLE001 - one fault must not stop the time
            log.failure("housekeeping-fault", None)

    def _look_at_clock(self, now: float) -> None:
        """Warn if the clock was set, or is read for the first time, and is far from the latest time known."""
        wall = self._server.wall()
        ahead = wall - self._known
        step = ahead if self._checked is None else ahead - (now - self._checked) * 1000
        stepped = abs(step) > STEP
        self._server.hub.counters.clock_steps += stepped and self._checked is not None
        if self._known and stepped and not -BEHIND <= ahead <= AHEAD:
            log.warn(
                "clock-far",
                "The clock may be wrong: it is far from the latest time known. Nothing is removed for that.",
                ahead=round(ahead / 1000),
            )
        elif stepped and self._checked is not None:
            log.info("clock-step", "The clock was set, or the machine slept.", step=round(step / 1000))
        self._known, self._checked = wall, now

    async def _mark(self) -> None:
        """Note how far the logs have grown by now."""
        self._marking = True
        config = self._server.current.config
        usual = pause_between_marks(config.retention.days * DAY, config.files.keep_days * DAY)
        try:
            rooms = self._server.hub.world.rooms_by_id
            for number, key in enumerate(numbers_of(rooms), 1):
                room = rooms.get(key)
                if room is not None:
                    days = room.rules.keep_days
                    pause = min(usual, pause_between_marks(days * DAY)) if days else usual
                    self._server.hub.mark(room, pause)
                if number % AT_ONCE == 0:
                    await deferLater(self._server.clock, 0)
        except Exception:  # noqa: BLE001 - as above
            log.failure("housekeeping-fault", None)
        finally:
            self._marking = False
