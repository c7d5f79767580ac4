"""Housekeeping: tells presence and who types, ends expired sessions, and cuts logs to what is to be kept."""

from itertools import chain
from typing import Final

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall, deferLater

from chatd.chat import presence, scrams
from chatd.chat.batch import Batch
from chatd.chat.calendar import DAY
from chatd.chat.rules import Kind
from chatd.chat.snapshots import numbers_of
from chatd.chat.state import Room
from chatd.ops.log import Log
from chatd.server.server import Server
from chatd.server.space_log import tell_space

log = Log(__name__)

INTERVAL: Final = 60.0
"""Seconds between two rounds."""

ROUNDS_PER_EXPIRY: Final = 60

UNCLAIMED: Final = 2
"""Round from which on sessions end that a crash may have kept from their first welcome."""

ROUNDS_PER_SPACE: Final = 1440
"""Rounds after which the log is told how much room the data takes: once a day."""

PRESENCE_INTERVAL: Final = 1.0
"""Seconds over which comings and goings, and who types, are collected before the rooms are told."""

REST: Final = 4.0
"""Times as long as it took to tell who has come and gone, until that is told again at the soonest.

So it takes a fifth of the time at the most, however many come back at once; those who come in wait for less.
"""

LATE: Final = 0.1
"""Seconds late at which the reactor has so much to do that nobody is told who types."""

SLICE: Final = 400
"""Events that one commit deletes, and takes out of the index, at the most: 15 ms of work (P6).

With acts, which are short, it ends at the room that reaches this.
"""

PAUSE: Final = 0.05
"""Seconds between two checks whether a slice is on its way to disk."""

BLOCK_COST: Final = 4
"""What it costs to write which events of a block count, in events that are deleted."""

AT_ONCE: Final = 2000
"""Rooms, and acts of them, that are looked at in one turn, which stays short (P6)."""


class Housekeeping:
    """Keeps ``server`` in order, round by round, as its configuration wants it."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._rounds = 0
        self._batch: Batch | None = None
        self._cut = 0
        self._rested = 0.0
        self._loop = LoopingCall(self._round)
        self._presence = LoopingCall(self._tell_presence)
        self._loop.clock = self._presence.clock = server.clock

    def start(self) -> None:
        """Begin with a first round at once."""
        for loop, interval in ((self._loop, INTERVAL), (self._presence, PRESENCE_INTERVAL)):
            loop.start(interval).addErrback(lambda failure: log.failure("housekeeping-fault", failure))

    def stop(self) -> None:
        """End."""
        for loop in (self._loop, self._presence):
            if loop.running:
                loop.stop()

    def _tell_presence(self) -> "Deferred[None]":
        return Deferred.fromCoroutine(self._tell_news())

    async def _tell_news(self) -> None:
        clock, hub, told = self._server.clock, self._server.hub, 0
        if (clock.seconds() - (self._presence.starttime or 0.0)) % PRESENCE_INTERVAL > LATE:
            hub.typing.drop()
        try:
            hub.end_statuses()
            begin, spent = clock.seconds(), 0.0
            news = hub.presence.tell(begin) if begin >= self._rested else ()
            for count in chain(hub.typing.tell(), news):
                told += count
                if told >= presence.AT_ONCE:
                    told = 0
                    spent += clock.seconds() - begin
                    await deferLater(clock, 0)
                    begin = clock.seconds()
            end = clock.seconds()
            self._rested = max(self._rested, end + REST * (spent + end - begin))
        except Exception:  # noqa: BLE001 - presence is best effort; its loop goes on
            log.failure("housekeeping-fault", None)

    def _round(self) -> "Deferred[None]":
        expires = self._rounds % ROUNDS_PER_EXPIRY == 0 or self._rounds == UNCLAIMED
        unclaimed = self._rounds >= UNCLAIMED
        if self._rounds % ROUNDS_PER_SPACE == 0:
            files = self._server.files
            self._server.store.space(lambda taken: tell_space(taken, None if files is None else files.used))
        self._rounds += 1
        return Deferred.fromCoroutine(self._keep_house(expires, unclaimed))

    async def _forget_scrams(self) -> None:
        """Forget what passwords are verified by over SCRAM, where the configuration has none any more."""
        hub = self._server.hub
        while self._loop.running and scrams.forget_some(hub.world):
            hub.change()
            await deferLater(self._server.clock, PAUSE)

    async def _keep_house(self, expires: bool, unclaimed: bool) -> None:
        if expires:
            try:
                await self._expire(unclaimed)
            except Exception:  # noqa: BLE001 - one round's fault must not end those to come
                log.failure("housekeeping-fault", None)
        await self._forget_scrams()
        await self._retain()

    async def _expire(self, unclaimed: bool) -> None:
        server, count = self._server, 0
        age = round(server.current.config.session.expire_days * DAY)
        for work, ended in server.hub.expire(age, server.wall(), unclaimed=unclaimed):
            for session in ended:
                log.info("session-expired", session=session.id, nick=session.user.nick)
            count += len(ended)
            await self._slice(work)
            await deferLater(server.clock, 0)
        if count:
            log.info("sessions-expired", count=count)
        server.hub.prune_address_bans()

    async def _retain(self) -> None:
        looked = AT_ONCE  # the numbers alone take a few milliseconds
        rooms = self._server.hub.world.rooms_by_id
        for number in numbers_of(rooms):
            room = rooms.get(number)
            if room is None:
                continue
            looked += 1 + (len(room.acts) if room.has("acts") else 0)
            if looked >= AT_ONCE:
                looked = 0
                await deferLater(self._server.clock, 0)
            try:
                ended = self._server.hub.prune(room)
                if ended:
                    await self._slice(ended)
                first = self._first_kept(room)
                if first > room.log.first:
                    await self._trim(room, first)
                if room.log.id in self._server.hub.world.untallied:
                    await self._slice(BLOCK_COST * self._server.hub.keep_tally(room))
                self._server.hub.remove_deleted(room)
            except Exception:  # noqa: BLE001 - one room's fault must not end the round
                log.failure("housekeeping-fault", None, room=room.name)
        self._batch = None

    async def _trim(self, room: Room, first: int) -> None:
        """Cut ``room`` below ``first``, slice by slice."""
        hub, chat_log = self._server.hub, room.log
        count = first - chat_log.first
        log.info("trimmed", room=room.name, first=chat_log.first, last=first - 1, count=count)
        while chat_log.first < first:
            upto = min(first, chat_log.first + SLICE - self._cut_in(hub.world.batch))
            count = upto - chat_log.first
            hub.trim(room, upto)
            await self._slice(count)

    def _cut_in(self, batch: Batch) -> int:
        """Return how much was cut in ``batch``, which is the open one."""
        if self._batch is not batch:
            self._batch, self._cut = batch, 0
        return self._cut

    async def _slice(self, count: int) -> None:
        """Note that ``count`` more was cut, and go on with another batch if that is enough for one."""
        world = self._server.hub.world
        self._cut = self._cut_in(world.batch) + count
        while self._cut >= SLICE and self._batch is world.batch:
            await deferLater(self._server.clock, PAUSE)

    def _first_kept(self, room: Room) -> int:
        """Return the first event of ``room`` that the configuration and the room's rules want kept."""
        chat_log, world = room.log, self._server.hub.world
        retention = self._server.current.config.retention
        first = chat_log.first
        if room.rules.kind == Kind.DELETED:
            return chat_log.head + 1
        if retention.events:
            first = max(first, chat_log.head - retention.events + 1)
        terms = [days for days in (retention.days, room.rules.keep_days) if days]
        if terms:
            before = world.calendar.now - round(min(terms) * DAY)
            first = max(first, world.ages.old(chat_log.id, before) + 1)
        return first
