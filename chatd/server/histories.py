"""Histories: compares what clients have seen with the logs before they go on, and reads the store for it."""

from collections.abc import Mapping, Sequence
from typing import Final

from twisted.internet.defer import Deferred

from chatd.chat.comparing import Comparison
from chatd.chat.log import Log as ChatLog
from chatd.chat.permissions import first_readable
from chatd.chat.returning import deletions
from chatd.chat.state import Asker, User
from chatd.chat.world import World
from chatd.clock import Clock
from chatd.ops.log import Log
from chatd.ops.repeats import Repeats
from chatd.server.reads import UNREADABLE, Reads
from chatd.wire.errors import Code, ProtocolError, RequestError
from chatd.wire.stored import known_check_of, known_time_of

log = Log(__name__)

INTERVAL: Final = 10.0
"""Seconds in which it is logged once that clients have seen what this data does not have."""

Trails = Mapping[str, Sequence[tuple[int, str]]]


class Histories:
    """Makes the comparisons: from memory if that is enough, else with one read after the other."""

    def __init__(self, world: World, reads: Reads, clock: Clock) -> None:
        self._world = world
        self._reads = reads
        self._clock = clock
        self._repeats = Repeats(INTERVAL)

    def compare(
        self, user: User, host: str, cursors: Mapping[str, int], trails: Trails
    ) -> Deferred[dict[str, int]]:
        """Return from where ``user`` at ``host`` goes on in those of ``cursors`` whose log is another now.

        A room that is not there at all, though events of it were seen, begins anew with who joins it first.
        Fails with `ProtocolError` ``storage-unavailable`` if the store cannot be read.
        """
        return Deferred.fromCoroutine(self._compare(user, host, cursors, trails))

    async def _compare(
        self, user: User, host: str, cursors: Mapping[str, int], trails: Trails
    ) -> dict[str, int]:
        turned: dict[str, int] = {}
        for name, cursor in cursors.items():
            if not trails.get(name):
                continue
            try:
                asker = self._world.asker(user, host)
                room = self._world.find_room(asker, name)
            except RequestError:
                continue
            trail = trails[name]
            if room is not None:
                first = first_readable(asker, room)
                trail = [point for point in trail if point[0] == 0 or point[0] >= first]
                if first > 1 and not any(seq for seq, _ in trail):
                    continue
            if room is None:
                if cursor > 0:
                    turned[name] = 0
                    self._say(asker, name, cursor, 0)
                continue
            comparison = Comparison(room.log, cursor, trail)
            while (seq := comparison.wanted()) is not None:
                comparison.learn(*await self._look(room.log, seq))
            if comparison.turned:
                turned[name] = comparison.start
                self._say(asker, room.name, cursor, comparison.start)
        return turned

    def _look(self, chat_log: ChatLog, seq: int) -> Deferred[tuple[str | None, int]]:
        """Return the check and the time of event ``seq``."""
        done: Deferred[tuple[str | None, int]] = Deferred()

        def got(events: list[bytes] | None) -> None:
            if events is None:
                done.errback(ProtocolError(Code.STORAGE_UNAVAILABLE, UNREADABLE))
            else:
                done.callback((known_check_of(events[0]), known_time_of(events[0])) if events else (None, 0))

        self._reads.read(chat_log, seq, seq, 1, False, got)
        return done

    def _say(self, asker: Asker, room: str, seen: int, start: int) -> None:
        if deletions(self._world, asker, room):
            return  # those events were seen in a room that was deleted since
        held_back = self._repeats.admit("older-copy", self._clock.seconds())
        if held_back is not None:
            log.warn(
                "older-copy",
                "A client has seen events that this data does not have: an older copy was restored.",
                room=room,
                seen=seen,
                start=start,
                suppressed=held_back or None,
            )
