"""Rooms as the client sees them: names, what is wanted, and the count that proves that nothing was missed."""

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType

from msgspec import Struct, field

from chatd.client.core.counts import Counts, ThreadCounts
from chatd.client.core.notices import (
    CursorForgotten,
    EventSeen,
    GapSeen,
    Notice,
    PresenceSeen,
    Restored,
    RoomClosed,
    RoomOpened,
    ThreadSeen,
    UnreadSeen,
)
from chatd.client.core.problems import HoleError
from chatd.client.core.replay import Replay
from chatd.client.core.seen import Seen
from chatd.wire.messages import Event, Following, Gap, Presence, RoomState, Unread
from chatd.wire.names import fold


class Followed(Struct):
    """A room that is followed; ``cursor`` is the last event handed over, ``name`` what people call it.

    A ``remembered`` one was followed by an earlier run: no link of this one has told of it yet. What is
    ``unread`` is the same on all devices, and ``read`` the mark behind which it is: see `Counts`.
    """

    room: str
    name: str
    head: int
    cursor: int
    topic: str = ""
    peer: str = ""
    remembered: bool = False
    counts: Counts = field(default_factory=Counts)

    @property
    def read(self) -> int:
        """Return the last event that counts as read."""
        return self.counts.read

    @property
    def unread(self) -> int | None:
        """Return how many messages and files are behind that; None if the server does not tell."""
        return self.counts.unread

    @property
    def mentions(self) -> int:
        """Return how many of them mention us; 100 is 100 or more."""
        return self.counts.mentions

    @property
    def mention(self) -> int:
        """Return the first of these, or the edit by which it does; 0 if there is none."""
        return self.counts.mention

    @property
    def threads(self) -> dict[int, ThreadCounts]:
        """Return the threads that we follow there, by the event with which each begins."""
        return self.counts.threads


Positions = dict[str, int]
"""Per followed room, the last event that one link brought."""


class Rooms:
    """All followed rooms, their names for people, and what was ``seen`` of them.

    ``wanted`` are the names, by their folded form, of those that are joined on every link that does not
    follow them. ``followed`` are those of an earlier run until a link tells otherwise: ``known``, in order.
    """

    __slots__ = (
        "_entering",
        "_replays",
        "followed",
        "names",
        "seen",
        "wanted",
    )

    def __init__(
        self,
        seen: Seen,
        names: Mapping[str, str],
        wanted: Iterable[str],
        known: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.seen = seen
        self.names: dict[str, str] = dict(names)
        self.wanted: dict[str, str] = {}
        self.followed: dict[str, Followed] = {
            room: _remembered(room, name, seen.cursors.get(room, 0)) for room, name in known.items()
        }
        self._replays: dict[str, Replay] = {}
        self._entering: list[str] = []
        for name in wanted:
            self.want(name)

    def name(self, room: str) -> str:
        """Return what people call ``room``."""
        return self.names.get(room, room)

    def room_of(self, name: str) -> str | None:
        """Return the wire name of the room that people call ``name``, where it is known."""
        folded = fold(name)
        return next((room for room, known in self.names.items() if fold(known) == folded), None)

    def cursor(self, name: str) -> int | None:
        """Return the last event seen of the room that people call ``name``."""
        return self.seen.cursors.get(self.room_of(name) or fold(name))

    # ---- what is wanted -----------------------------------------------------------------------------

    def want(self, name: str) -> None:
        """Join the room that people call ``name`` wherever a new link does not follow it."""
        self.wanted.setdefault(fold(name), name)

    def enter(self, names: Iterable[str]) -> None:
        """Join rooms that an earlier run did not come to enter, as long as it is the same server."""
        self._entering = [name for name in names if fold(name) not in self.wanted]
        for name in self._entering:
            self.want(name)

    def unwant(self, name: str) -> None:
        """Join the room that people call ``name`` no longer."""
        self.wanted.pop(fold(name), None)

    def want_known(self) -> None:
        """Join every room that has a cursor: a new session is a member of none."""
        for room in self.seen.cursors:
            if room.startswith("#"):
                self.want(room)

    def unjoined(self, positions: Positions) -> list[str]:
        """Return the wanted rooms that the link whose positions these are does not follow."""
        return [name for name in self.wanted.values() if (self.room_of(name) or fold(name)) not in positions]

    def compare(self, positions: Positions, named: Collection[str]) -> list[RoomClosed | None]:
        """Compare with what a new link follows; return what is given up.

        Rooms that its hello ``named`` and that it does not follow were left, on another device maybe. Those
        that it did not name are joined again.
        """
        missing = [room for room in {**self.seen.cursors, **self.followed} if room not in positions]
        gone = {room for room in missing if room in named or room not in self.seen.cursors}
        left = [room for room in missing if room in gone and fold(self.name(room)) not in self.wanted]
        for room in missing:
            if room not in gone:
                self.want(self.name(room))
        return [self.closed(positions, room) for room in left]

    def behind(self, positions: Positions) -> bool:
        """Return whether events are known that the link with these positions has not brought."""
        return any(one.head > positions.get(one.room, one.head) for one in self.followed.values())

    def behind_in(self, positions: Positions, name: str) -> bool:
        """Return whether the link with these positions has not brought all that is known of room ``name``."""
        room = self.room_of(name) or fold(name)
        return positions.get(room, self.head(name)) < self.head(name)

    def head(self, name: str) -> int:
        """Return the newest event that the room which people call ``name`` is known to have."""
        followed = self.followed.get(self.room_of(name) or fold(name))
        return 0 if followed is None else followed.head

    # ---- what is forgotten --------------------------------------------------------------------------

    def forget(self, room: str, name: str) -> CursorForgotten:
        """Forget the cursor of ``room``, which people call ``name``: the server's log does not reach it."""
        seen = self.seen.cursors.get(room, 0)
        self.seen.forget(room)
        self._replays.pop(room, None)
        return CursorForgotten(room, name, seen)

    def forget_all(self) -> None:
        """Forget every cursor: they counted the events of another server. Earlier runs want nothing here."""
        for name in self._entering:
            self.unwant(name)
        self.seen.forget_all()
        self._replays.clear()
        self.followed.clear()

    # ---- what the server says -----------------------------------------------------------------------

    def opened(self, positions: Positions, state: RoomState, nick: str) -> Iterable[Notice]:
        """Follow a room as ``nick`` on the link with these positions; yield what the program should know."""
        room, start = state.room, state.cursor
        name = f"@{state.peer}" if state.peer else room
        positions[room] = start
        self.names[room] = name
        cursor = self.seen.cursors.get(room)
        if cursor is not None and state.restored:
            yield self._turned(state, name, cursor)
        elif room in self._replays:
            self._replays[room].again()
        if cursor is None or state.restored:
            cursor = start
            self.seen.move(room, start)
        if state.check and start == cursor > self.seen.trail(room).last:
            self.seen.note(room, start, state.check)
        self.followed[room] = Followed(room, name, state.head, cursor, state.topic, state.peer)
        self.followed[room].counts.begin(state, nick)
        yield RoomOpened(room, name, state.topic, state.head, cursor, state.read, state.peer)
        if start > cursor:
            yield self._skip(room, cursor + 1, start)

    def event(self, positions: Positions, event: Event, check: str, session: int) -> Iterable[EventSeen]:
        """Return the event if it is news, nothing if it was seen; raises `HoleError` if one is missing.

        What comes again behind the newest event that a restored log is known to agree in was seen as long as
        it has the same checks. It is held until that is known, and the cursor stays where it is.
        """
        room, seq = event.room, event.seq
        position = positions.get(room)
        if position is None or seq <= position:
            return ()
        if seq != position + 1:
            raise HoleError(f"event {position + 1} of {self.name(room)} is missing")
        positions[room] = seq
        self.followed[room].counts.take(event)
        if seq <= self.seen.cursors.get(room, 0):
            return ()
        if room in self._replays:
            return self._replayed(room, event, check, session)
        return (self._take(event, check, session),)

    def _take(self, event: Event, check: str, session: int) -> EventSeen:
        room = event.room
        self.seen.take(event, check)
        followed = self.followed[room]
        followed.cursor = event.seq
        followed.head = max(followed.head, event.seq)
        if event.kind in _UPKEEP:
            _UPKEEP[event.kind](followed, event)
            self.names[room] = followed.name
        return EventSeen(event, followed.name, bool(session) and event.session == session, check)

    def _replayed(self, room: str, event: Event, check: str, session: int) -> list[EventSeen]:
        """Return what is known to be news now that ``event`` has come behind an older copy."""
        replay = self._replays[room]
        seen = replay.take(event, check, self.followed[room].head)
        if seen is None:
            return []
        held, replay.held = replay.held, []
        notices = [self._take(*each, session) for each in held]
        if seen:
            return []
        del self._replays[room]
        return notices

    def gap(self, positions: Positions, gap: Gap) -> Iterable[Notice]:
        """Return what of the gap is news, behind the events that came before it and were held."""
        position = positions.get(gap.room)
        if position is None or gap.last <= position:
            return
        if gap.first > position + 1:
            raise HoleError(f"event {position + 1} of {self.name(gap.room)} is missing")
        positions[gap.room] = gap.last
        cursor = self.seen.cursors.get(gap.room, 0)
        if gap.last <= cursor:
            return
        replay = self._replays.get(gap.room)
        for event, check in replay.held if replay is not None else ():
            yield self._take(event, check, 0)
        if replay is not None:
            replay.again()
        yield self._skip(gap.room, max(gap.first, self.seen.cursors.get(gap.room, 0) + 1), gap.last)

    def unread(self, told: Unread) -> Iterable[UnreadSeen]:
        """Take over what is unread; return that."""
        followed = self.followed.get(told.room)
        if followed is None:
            return ()
        followed.counts.correct(told)
        read, unread, mentions, mention = told.read, told.unread, told.mentions, told.mention
        return (UnreadSeen(told.room, followed.name, read, unread, mentions, mention),)

    def following(self, told: Following) -> Iterable[ThreadSeen]:
        """Take over what is said of threads; yield that."""
        for one in told.threads:
            followed = self.followed.get(one.room)
            if followed is not None:
                followed.counts.follow(one)
                yield ThreadSeen(one.room, followed.name, one.thread, one.read, one.unread, not one.off)

    def renames_us(self, event: Event) -> bool:
        """Return whether ``event``, which has just come, gives us another nick."""
        followed = self.followed.get(event.room) if event.kind == "nick" else None
        return followed is not None and event.seq > followed.counts.upto and followed.counts.is_ours(event)

    def closed(self, positions: Positions, room: str) -> RoomClosed | None:
        """Follow ``room`` no longer."""
        positions.pop(room, None)
        name = self.name(room)
        self.seen.forget(room)
        self._replays.pop(room, None)
        return RoomClosed(room, name) if self.followed.pop(room, None) else None

    def left(self, positions: Positions, room: str) -> RoomClosed | None:
        """Follow ``room`` no longer, and want it no longer either: it was left."""
        self.unwant(self.name(room))
        return self.closed(positions, room)

    def presence(self, presence: Presence) -> PresenceSeen:
        """Return who came and who went, and who is away or busy."""
        online, offline = tuple(presence.online), tuple(presence.offline)
        name = self.name(presence.room)
        return PresenceSeen(presence.room, name, online, offline, tuple(presence.statuses))

    def _turned(self, state: RoomState, name: str, seen: int) -> Restored:
        """Go back to where ``state`` says: the log has not the events that were seen up to ``seen``."""
        room, start = state.room, state.cursor
        trail = self.seen.trail(room)
        agreed = trail.knows(start, state.check) if state.check else trail.has(start)
        if room in self._replays:  # an older copy again, before it was known where the last one parts
            self._replays[room].again()
        else:
            self._replays[room] = Replay(trail)
        self.seen.cut(room, start)
        return Restored(room, name, start, seen, agreed, again=agreed and trail.next(start) > start + 1)

    def _skip(self, room: str, first: int, last: int) -> GapSeen:
        self.seen.move(room, last)
        followed = self.followed[room]
        followed.cursor = last
        followed.head = max(followed.head, last)
        return GapSeen(room, followed.name, first, last)


def _remembered(room: str, name: str, cursor: int) -> Followed:
    return Followed(
        room, name, cursor, cursor, peer=name[1:] if name.startswith("@") else "", remembered=True
    )


def _take_topic(followed: Followed, event: Event) -> None:
    followed.topic = event.text


def _take_nick(followed: Followed, event: Event) -> None:
    if followed.peer and fold(followed.peer) == fold(event.by):
        followed.peer = event.text
        followed.name = f"@{event.text}"


_UPKEEP = {"topic": _take_topic, "nick": _take_nick}
