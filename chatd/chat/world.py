"""The world: every user, session and room in memory, and the batch that collects what changes in it.

The state in memory runs ahead of the disk by the batches that are not committed yet; nobody outside is told
of it before. `Batch.undo` takes it back.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from chatd.chat import metadata
from chatd.chat.batch import Batch
from chatd.chat.calendar import Calendar
from chatd.chat.changes.applying import apply, load
from chatd.chat.changes.inverses import NoteSpoken
from chatd.chat.changes.records import Records
from chatd.chat.changes.rows import (
    Change,
    DropAllow,
    DropBlock,
    DropCursors,
    DropMember,
    DropMention,
    DropSession,
    DropStatus,
    DropUser,
    PutAct,
    PutBlock,
    PutMark,
    PutMember,
    PutNick,
    PutRoom,
    PutSession,
    PutStatus,
    PutUpload,
    PutUser,
    Relation,
)
from chatd.chat.facts import Facts
from chatd.chat.files import Blobs
from chatd.chat.following import follow_everywhere
from chatd.chat.names import USER_SIGN, check_nick, check_room, direct_name
from chatd.chat.new_names import check_new_nick, check_new_room
from chatd.chat.permissions import EVERYBODY, check_direct, check_maker, knows
from chatd.chat.quota import Quota, Ration, reached
from chatd.chat.rules import Standing
from chatd.chat.state import Asker, Room, Session, User
from chatd.chat.storage import Snapshot
from chatd.chat.unicode.skeleton import skeleton
from chatd.wire import limits
from chatd.wire.errors import Code, ProtocolError, RequestError
from chatd.wire.limits import MIN_PASSWORD
from chatd.wire.messages import Event, Limits
from chatd.wire.names import JOINERS

LIMITS = Limits(
    frame=limits.MAX_FRAME,
    text=limits.MAX_TEXT,
    name=limits.MAX_NAME,
    rooms=limits.MAX_ROOMS,
    unanswered=limits.MAX_UNANSWERED,
)
"""The limits of a server that takes no files."""

HOUR = 3600.0
"""Seconds in an hour."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The bounds of what may be created, who may register and make rooms, whether members see addresses.

    ``vouched`` is true where others than the server know passwords: what they tell is a nick alone.
    ``certificates`` is whether accounts are opened by certificates as well. Whoever said something may remove
    it for ``remove_within`` milliseconds, and edit it for ``edit_within``. Whoever comes in is told the
    ``announcement`` of the day. ``typing`` is whether people are told who types,
    ``keep_edits`` whether earlier wordings are kept, ``scram`` whether passwords are verified by SCRAM too. A
    new password has ``min_password`` characters at least.
    """

    quota: Quota
    show_addresses: bool
    registration: Literal["closed", "invite", "open"] = "closed"
    make_rooms: Literal["everybody", "accounts", "operators"] = "everybody"
    vouched: bool = False
    certificates: bool = True
    remove_within: int = 86_400_000
    announcement: str = ""
    edit_within: int = 86_400_000
    typing: bool = True
    keep_edits: bool = True
    scram: bool = True
    min_password: int = MIN_PASSWORD


def _named(snapshot: Snapshot) -> Iterator[int]:
    """Yield the ids of users that rows name which stay when a user is forgotten."""
    yield from (act.user for act in snapshot.of(PutAct))
    yield from (block.whom for block in snapshot.of(PutBlock))
    yield from (upload.user for upload in snapshot.of(PutUpload))


def _tell_nobody(what: object) -> None:
    """Keep for oneself that a room has no owner, or an account is deleted."""


def _tell_none(user: User, old: str, new: str) -> None:
    """Keep for oneself that a user is called otherwise."""


def _no_secret() -> str:
    """Return no secret: nobody has said where they come from."""
    raise RuntimeError("There is no source of secrets.")


def _afford_any(host: str, count: bool) -> None:
    """Let every address make as many rooms as it likes."""


class Ids:
    """Gives out ids, each behind all that were given or seen, the ``last`` of these first."""

    def __init__(self, last: int) -> None:
        self._last = last

    def next(self) -> int:
        """Return another id."""
        self._last += 1
        return self._last

    def saw(self, number: int) -> None:
        """Give none up to this one any more."""
        self._last = max(self._last, number)


class World(Records):
    """The records, as loaded from ``snapshot`` and changed since, and their bounds.

    ``terms`` holds the bounds; a reload exchanges it, so that nobody keeps a copy. ``blobs`` are the files
    that are held (None if the server takes none), ``limits`` are those of a welcome, ``refusals``
    counts requests by the code of their refusal, ``found`` are the facts about the event that the present
    request is about, if they were read for it, ``clock`` is the latest
    time of day known at the start, or 0. ``afford_room`` refuses another room that is made
    from an address (`RequestError` ``too-fast``); it counts the room if told to. ``tell_ownerless`` is
    called with the name of a room that nobody owns any more, ``tell_deleted`` with a user whose account is
    deleted, ``tell_stated`` with one whose status is another, ``tell_renamed`` with one who has another nick
    and with both, once that is durable. ``new_secret`` returns
    another secret each time; ``salts`` is that of which salts are made.
    """

    def __init__(self, snapshot: Snapshot, terms: Terms) -> None:
        super().__init__()
        times = [session.seen for session in snapshot.of(PutSession)]
        times += [mark.at for mark in snapshot.of(PutMark)]
        times += [upload.at for upload in snapshot.of(PutUpload)]
        named = max(_named(snapshot), default=0)
        load(self, snapshot)
        self.statuses.loaded()
        self.server = snapshot.server
        self.salts = snapshot.salts
        self.terms = terms
        self.limits = LIMITS
        self.blobs: Blobs | None = None
        self.batch = Batch()
        self.refusals: Counter[str] = Counter()
        self.found: Facts | None = None
        self.afford_room: Callable[[str, bool], None] = _afford_any
        self.tell_ownerless: Callable[[str], None] = _tell_nobody
        self.tell_deleted: Callable[[User], None] = _tell_nobody
        self.new_secret: Callable[[], str] = _no_secret
        self.tell_stated: Callable[[User], None] = _tell_nobody
        self.tell_renamed: Callable[[User, str, str], None] = _tell_none
        self.calendar = Calendar(max(snapshot.time.lived, *times, 0))
        self.clock = snapshot.time.clock or max((stored.ts for stored in snapshot.rooms), default=0)
        newest = max((session.id for session in self.sessions.values()), default=0)
        last = max(snapshot.last_session, newest)
        self._session_ids = Ids(last)
        # In folders from before forgotten users were counted, each of them had come with a session.
        self._user_ids = Ids(max(last, snapshot.last_user, named, *self.users))
        self._room_ids = Ids(max((r.log.id for r in self.rooms.values()), default=0))

    def relate(self, room: Room, change: Relation) -> None:
        """Make ``change``, which is about an event of ``room``."""
        self.change(change)
        self.batch.relate(room.log, change)

    def change(self, change: Change) -> None:
        """Make ``change`` and add it to the batch; if the commit fails it is taken back."""
        self.batch.add_change(change, apply(self, change))

    def saw(self, row: PutUser | PutSession | PutRoom) -> None:
        """Give nothing the id that ``row`` has, which another machine gave."""
        ids = {PutUser: self._user_ids, PutSession: self._session_ids, PutRoom: self._room_ids}[type(row)]
        ids.saw(row.id)

    # ---- users and sessions -------------------------------------------------------------------------

    def add_user(self, nick: str) -> User:
        """Add a user who claims ``nick``.

        Raises `ProtocolError` ``nick-taken`` with a suggestion, ``bad-nick`` or ``too-many-users``.
        """
        try:
            display, key = self.free_nick(nick)
        except RequestError as error:
            raise ProtocolError(error.code, error.text, suggest=error.suggest) from None
        if reached(len(self.users), self.terms.quota.users):
            raise ProtocolError(
                Code.TOO_MANY_USERS, "The server has as many users as it may; try again later."
            )
        row = PutUser(self._user_ids.next(), display, key)
        self.change(row)
        return self.users[row.id]

    def free_nick(self, nick: str, user: User | None = None) -> tuple[str, str]:
        """Return the form and the key of a ``nick`` that ``user``, or a newcomer, may have.

        Raises `RequestError` ``bad-nick``, or ``nick-taken`` with a suggestion.
        """
        display, key = check_nick(nick)
        holder = self.nicks.get(key)
        if holder is None:
            check_new_nick(nick)
            names = [display, key]
        else:
            # One's own nick stays one's own, whatever it looks like; a variant of it is looked at.
            own = display == holder.nick or skeleton(display) == skeleton(key)
            names = [] if own else [display]
        text = ""
        if holder not in {None, user}:
            text = "belongs to somebody else"
        elif self._looks_taken(user, *names):
            text = "looks like one that somebody else has"
        if text:
            raise RequestError(
                Code.NICK_TAKEN,
                f"The nick {display} {text}; choose another.",
                suggest=self._suggest_nick(display),
            )
        return display, key

    def _looks_taken(self, user: User | None, *names: str) -> bool:
        return any(self.twins.has(name, user) for name in names)

    def _suggest_nick(self, nick: str) -> str:
        """Return a free nick like ``nick``, or nothing if a few looks find none."""
        for number in (*range(2, 10), len(self.users) + 10):
            with suppress(RequestError):
                suggestion, key = check_new_nick(f"{nick[:24].rstrip(JOINERS)}{number}")
                if key not in self.nicks and not self._looks_taken(None, suggestion, key):
                    return suggestion
        return ""

    def rename(self, user: User, display: str, key: str, now: int) -> None:
        """Give ``user`` another nick, which must be free, or the account's. An account keeps it for good."""
        if user.account is not None and user.key is not None and user.key != key:
            self.change(PutNick(user.key, user.id, user.nick))
        self.batch.renamed.append((user, user.nick, display))
        self.change(PutUser(user.id, display, key))
        if user.account is not None and key not in user.kept:
            self.change(PutNick(key, user.id, since=now))

    def add_session(self, user: User, digest: bytes) -> Session:
        """Add a device of ``user`` whose token has ``digest``.

        Raises `ProtocolError` ``too-many-devices``.
        """
        most = self.terms.quota.devices
        if reached(len(user.sessions), most):
            raise ProtocolError(
                Code.TOO_MANY_DEVICES,
                f"{user.nick} has {most} devices already; use one of them.",
            )
        self.change(PutSession(self._session_ids.next(), user.id, digest, last=0, seen=0))
        return self.sessions[digest]

    def end_session(self, session: Session) -> None:
        """Forget a session that has ended; with a guest's last one the nick is free."""
        user = session.user
        if session.cursors:
            self.change(DropCursors(session.id))
        self.change(DropSession(session.id))
        if not user.sessions and user.account is None:
            self._let_go(user)

    def tidy(self, users: Iterable[User]) -> int:
        """Forget the guests among ``users`` who are needed no more; return how many these were."""
        count = 0
        for user in users:
            needed = user.account or user.sessions or user.rooms or user.direct
            if not needed and self.users.get(user.id) is user:
                self._let_go(user)
                count += 1
        return count

    def _let_go(self, user: User) -> None:
        """Free the nick of a user without sessions, and forget a user who shares no direct messages.

        Events hold the nick alone, so only the name of a log of direct messages needs the user.
        """
        stays = bool(user.rooms or user.direct)
        self.drop_wishes(user, stays=stays)
        self.change(PutUser(user.id, user.nick, None) if stays else DropUser(user.id))

    def set_status(self, user: User, row: PutStatus | None) -> None:
        """Let ``row``, or nothing, be what ``user`` says of themselves."""
        self.change(DropStatus(user.id) if row is None else row)
        self.batch.stated.append((user, row))

    def drop_wishes(self, user: User, *, stays: bool = False) -> None:
        """Keep nothing of what ``user`` says of themselves, and of whose direct messages they take.

        The latter stays with a guest whose nick is free and who ``stays`` in logs of direct messages.
        """
        if self.statuses.known(user.id) is not None:
            self.set_status(user, None)
        metadata.clear(self, user)
        if stays:
            return
        for whom in list(user.blocked):
            self.change(DropBlock(user.id, whom))
        if user.allow != EVERYBODY:
            self.change(DropAllow(user.id))

    # ---- rooms and members --------------------------------------------------------------------------

    def asker(self, user: User, host: str = "") -> Asker:
        """Return what decides about a request of ``user`` from ``host`` now."""
        return Asker(user, host, self.calendar.now)

    def find_room(self, asker: Asker, name: str) -> Room | None:
        """Return the room that ``asker`` means by ``name``, or None if there is none for them.

        A log of direct messages between others is refused as impossible, so that nobody learns whether they
        talk. Raises `RequestError` ``bad-room``, ``bad-nick`` or ``no-such-user``.
        """
        room = self.rooms.get(name)
        if room is None or not knows(asker, room):
            room = self.rooms.get(self._wire_name(asker.user, name))
        return None if room is None or not knows(asker, room) else room

    def open_room(self, asker: Asker, name: str, now: int) -> Room:
        """Return the room that ``asker`` means by ``name``. It is made if there is none yet.

        A log of direct messages has both users as members from the start. Raises as `find_room` does, and
        `RequestError` ``room-taken``, ``no-more-rooms``, ``too-many-direct``, ``too-fast``, or
        ``not-allowed`` for a room that the user may not make, and for direct messages that are not taken.
        """
        room = self.find_room(asker, name)
        if room is not None:
            return room
        user = asker.user
        wire_name = self._wire_name(user, name)
        direct = wire_name.startswith(USER_SIGN)
        if direct:
            check_direct(user, self.user_called(name))
        else:
            check_maker(user, self.terms.make_rooms)
            check_new_room(wire_name)
        self._may_make(asker, direct, now)
        if not direct and self.room_twins.has(wire_name):
            raise RequestError(Code.ROOM_TAKEN, "That name cannot be had; choose another.")
        self._count_room(asker, direct)
        self.change(PutRoom(self._room_ids.next(), wire_name, "", 1, user.id if direct else 0))
        room = self.rooms[wire_name]
        if direct:
            other = self.user_called(name)
            for member in {user: None, other: None}:
                self.add_member(room, member)
                follow_everywhere(self.batch, room, member, 0)
        return room

    def _may_make(self, asker: Asker, direct: bool, now: int) -> None:
        """Check that ``asker`` may make another room, whatever its name, so that no name tells of another.

        What an address makes is bounded too, but not who its users talk to.
        """
        quota, user = self.terms.quota, asker.user
        if reached(len(self.rooms) - len(self.gone), quota.rooms):
            raise RequestError(Code.NO_MORE_ROOMS, "The server has as many rooms as it may; use one of them.")
        if direct and reached(user.begun, quota.direct):
            raise RequestError(
                Code.TOO_MANY_DIRECT,
                f"You have begun to talk to {quota.direct} people; wait for others to begin.",
            )
        if user.making is None:
            user.making = Ration(quota.per_hour / HOUR, quota.per_hour, now / 1000)
        elif user.making.rate != quota.per_hour / HOUR:
            user.making.adjust(quota.per_hour / HOUR, quota.per_hour)
        wait = user.making.wait(now / 1000)
        if wait:
            wait = user.making.slot(now / 1000, wait)
            raise RequestError(
                Code.TOO_FAST,
                f"{quota.per_hour} new rooms in an hour are the limit; make this one in {math.ceil(wait)}"
                " seconds.",
                retry_after=round(wait, 3),
            )
        if not direct:
            self.afford_room(asker.host, False)

    def _count_room(self, asker: Asker, direct: bool) -> None:
        """Count the room that ``asker`` makes, which may be made."""
        if asker.user.making is not None:
            asker.user.making.left -= 1
        if not direct:
            self.afford_room(asker.host, True)

    def _wire_name(self, user: User, name: str) -> str:
        if not name.startswith(USER_SIGN):
            return check_room(name)
        return direct_name(user.id, self.user_called(name).id)

    def user_called(self, name: str) -> User:
        """Return the user with the nick ``name``, which may have its sign.

        Raises `RequestError` ``no-such-user`` or ``bad-nick``.
        """
        user = self.nicks.get(check_nick(name.removeprefix(USER_SIGN))[1])
        if user is None or user.deleted:
            raise RequestError(Code.NO_SUCH_USER, f"Nobody here is called {name[:64]}.")
        return user

    def add_member(self, room: Room, user: User, role: int = Standing.MEMBER, since: int = 0) -> None:
        """Make ``user`` a member of ``room`` by event ``since``. Everything said before counts as read."""
        read = since - 1 if since else room.log.last
        self.change(PutMember(room.log.id, user.id, read, role, since))
        self._pass_mentions(room, user, read)

    def drop_member(self, room: Room, user: User) -> None:
        """End a membership."""
        self._pass_mentions(room, user, room.log.last)
        self.change(DropMember(room.log.id, user.id))

    def mark_read(self, room: Room, user: User, seq: int) -> None:
        """Move the read mark of ``user`` forward to ``seq``."""
        if seq > room.members[user].read:
            self.change(room.member_row(user)._replace(read=seq))
            self._pass_mentions(room, user, seq)
            self.batch.touch(room, user)

    def _pass_mentions(self, room: Room, user: User, seq: int) -> None:
        """Keep no mention of ``user`` by events up to ``seq``, which are read."""
        if room.mentioned is not None:
            for one in [one for one in room.mentioned.of(user.id) if one <= seq]:
                self.change(DropMention(room.log.id, user.id, one))

    def set_topic(self, room: Room, topic: str) -> None:
        """Give ``room`` another topic."""
        self.change(room.row()._replace(topic=topic))

    def note_spoken(self, room: Room, user: User) -> None:
        """Note that ``user`` speaks in a slow room; if the commit fails that is taken back."""
        self.batch.add_inverse(apply(self, NoteSpoken(room.log.id, user.id, self.calendar.now)))

    # ---- events -------------------------------------------------------------------------------------

    def post(
        self,
        room: Room,
        kind: str,
        by: str,
        now: int,
        text: str = "",
        *,
        whom: str = "",
        reason: str = "",
        value: str = "",
        operator: bool = False,
        ref: int = 0,
        refs: tuple[int, ...] = (),
    ) -> int:
        """Add an event that a user caused, and return its number."""
        log = room.log
        seq = log.number(now)
        event = Event(
            room=room.name,
            seq=seq,
            ts=log.ts,
            kind=kind,
            by=by,
            text=text,
            whom=whom,
            reason=reason,
            value=value,
            operator=operator,
            ref=ref,
            refs=refs,
        )
        self.batch.add_event(log, event)
        if room.direct:
            room.moves_up()
        return seq
