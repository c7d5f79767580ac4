"""Changes: the one way in which anything that is kept changes, whoever asks for it.

`apply` makes a change in memory and returns its inverse. So the data on disk is loaded by applying it, and
changes that could not be committed are taken back by applying their inverses, the last one first. Events and
the numbers of sends have a way of their own, in `chatd.chat.batch`: they are many, and taken back by a single
number.

A new kind of change is a type of `chatd.chat.storage`, with its row in the tables there, and a function here.
"""

from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any, Final, NamedTuple

from chatd.chat import files
from chatd.chat.ages import Ages
from chatd.chat.files import PostedFiles
from chatd.chat.gone import Gone
from chatd.chat.log import Log
from chatd.chat.names import ROOM_SIGN
from chatd.chat.permissions import DELETION, EVERYBODY, INVITE, MUTE, settle
from chatd.chat.rules import Rules
from chatd.chat.state import Membership, Room, Session, User
from chatd.chat.storage import (
    Change,
    DropAct,
    DropAllow,
    DropBlock,
    DropFiles,
    DropInvite,
    DropMark,
    DropMarks,
    DropMember,
    DropRoom,
    DropSession,
    DropUpload,
    DropUser,
    PutAccount,
    PutAct,
    PutAllow,
    PutBlock,
    PutEmptied,
    PutFile,
    PutInvite,
    PutMark,
    PutMember,
    PutNick,
    PutRoom,
    PutSession,
    PutTime,
    PutUpload,
    PutUser,
    Snapshot,
    StoredRoom,
    Trim,
)
from chatd.chat.twins import Twins
from chatd.wire.messages import File


class Records:
    """Everything that is kept, except the events: the outcome of the changes so far.

    ``nicks`` says whose a nick is; a key that an account has for good leads to it although it is called
    differently now; ``twins`` knows all of these nicks by what they look like, ``room_twins`` the names of
    rooms that are no direct messages; ``gone`` are what is left of deleted ones, ``acts`` counts the acts of
    all rooms but the notes of who was in a deleted one. ``sessions`` are by the digest of their token,
    ``rooms`` by their name, ``uploads`` say when a user last worked on the upload of a content, ``time`` is
    the calendar as it was last kept.
    """

    def __init__(self) -> None:
        self.users: dict[int, User] = {}
        self.nicks: dict[str, User] = {}
        self.twins: Twins[User] = Twins()
        self.invites: dict[bytes, PutInvite] = {}
        self.sessions: dict[bytes, Session] = {}
        self.sessions_by_id: dict[int, Session] = {}
        self.rooms: dict[str, Room] = {}
        self.rooms_by_id: dict[int, Room] = {}
        self.room_twins: Twins[Room] = Twins()
        self.gone = Gone()
        self.acts = 0
        self.posted = PostedFiles()
        self.ages = Ages()
        self.uploads: dict[tuple[int, str], int] = {}
        self.time = PutTime(0, 0)


class RestoreUser(NamedTuple):
    """The inverse of `DropUser`: the same object is back, since others may know it."""

    user: User
    row: PutUser


class DropAccount(NamedTuple):
    """The inverse of the first `PutAccount`: the user was a guest."""

    user: int


class DropNick(NamedTuple):
    """The inverse of `PutNick`."""

    key: str


class RestoreSession(NamedTuple):
    """The inverse of `DropSession`: the same object is back, with all that is not in its row."""

    session: Session


class RestoreRoom(NamedTuple):
    """The inverse of `DropRoom`: the same object is back, since others may know it."""

    room: Room


class DropFile(NamedTuple):
    """The inverse of `PutFile`."""

    room: int
    seq: int


class NoteSpoken(NamedTuple):
    """A member spoke in a slow room ``at`` a time of the calendar; None if not since it became slow."""

    room: int
    user: int
    at: int | None


class Several(NamedTuple):
    """Changes that are applied one after the other."""

    changes: "tuple[Applied, ...]" = ()


Applied = (
    Change
    | StoredRoom
    | RestoreUser
    | DropAccount
    | DropNick
    | RestoreSession
    | RestoreRoom
    | DropFile
    | NoteSpoken
    | Several
)
"""What can be applied. A store is handed none of those that are not a `Change`."""

_RULES: Final = 5
"""The fields of `PutRoom` before the rules."""

NOTHING: Final = Several()
"""The inverse of what changes nothing in memory."""


def apply(records: Records, change: Applied) -> Applied:
    """Make ``change`` in ``records`` and return what takes it back."""
    return _APPLY[type(change)](records, change)


def undo(records: Records, inverses: Iterable[Applied]) -> None:
    """Take back what was changed: apply ``inverses``, which are ordered as the changes were."""
    for inverse in reversed(list(inverses)):
        apply(records, inverse)


def load(records: Records, snapshot: Snapshot) -> None:
    """Make of an empty ``records`` what ``snapshot`` holds."""
    rows: Iterable[Applied] = chain(snapshot.users, snapshot.accounts, snapshot.nicks, snapshot.invites)
    for row in rows:
        apply(records, row)
    rows = chain(snapshot.sessions, snapshot.rooms, snapshot.members)
    for row in rows:
        apply(records, row)
    rows = chain(snapshot.acts, snapshot.blocks, snapshot.allows)
    for row in rows:
        apply(records, row)
    posted = (file for file in snapshot.files if file.seq >= records.rooms_by_id[file.room].log.first)
    rows = chain(posted, snapshot.marks, snapshot.uploads, [snapshot.time])
    for row in rows:
        apply(records, row)


# ---- users and sessions -----------------------------------------------------------------------------


def _put_user(records: Records, row: PutUser) -> Applied:
    user = records.users.get(row.id)
    if user is None:
        return _restore_user(records, RestoreUser(User(row.id, row.nick, None), row))
    before = user.row()
    _set_nick(records, user, row)
    return before


def _drop_user(records: Records, row: DropUser) -> Applied:
    user = records.users.pop(row.id)
    before = user.row()
    _set_nick(records, user, before._replace(key=None))
    return RestoreUser(user, before)


def _restore_user(records: Records, change: RestoreUser) -> Applied:
    records.users[change.user.id] = change.user
    _set_nick(records, change.user, change.row)
    return DropUser(change.user.id)


def _set_nick(records: Records, user: User, row: PutUser) -> None:
    twins = records.twins
    if user.key is not None:
        if user.key not in user.kept:
            del records.nicks[user.key]
        twins.drop(user.key, user)
        twins.drop(user.nick, user)
    user.nick, user.key = row.nick, row.key
    if row.key is not None:
        records.nicks[row.key] = user
        twins.add(row.key, user)
        twins.add(row.nick, user)


def _put_account(records: Records, row: PutAccount) -> Applied:
    user = records.users[row.user]
    before, user.account = user.account, row
    return DropAccount(row.user) if before is None else before


def _drop_account(records: Records, row: DropAccount) -> Applied:
    user = records.users[row.user]
    before, user.account = user.account, None
    return NOTHING if before is None else before


def _put_nick(records: Records, row: PutNick) -> Applied:
    user = records.users[row.user]
    if row.key in user.kept:
        return _set_shown(records, user, row)
    user.kept.add(row.key)
    records.nicks[row.key] = user
    records.twins.add(row.key, user)
    _set_shown(records, user, row)
    return DropNick(row.key)


def _set_shown(records: Records, user: User, row: PutNick) -> PutNick:
    before = user.shown.pop(row.key, "")
    if before:
        records.twins.drop(before, user)
    if row.shown:
        user.shown[row.key] = row.shown
        records.twins.add(row.shown, user)
    return row._replace(shown=before)


def _drop_nick(records: Records, row: DropNick) -> Applied:
    user = records.nicks[row.key]
    before = _set_shown(records, user, PutNick(row.key, user.id))
    user.kept.discard(row.key)
    records.twins.drop(row.key, user)
    if user.key != row.key:
        del records.nicks[row.key]
    return before


def _put_invite(records: Records, row: PutInvite) -> Applied:
    before = records.invites.get(row.digest)
    records.invites[row.digest] = row
    return DropInvite(row.digest) if before is None else before


def _drop_invite(records: Records, row: DropInvite) -> Applied:
    return records.invites.pop(row.digest)


def _put_session(records: Records, row: PutSession) -> Applied:
    """Put a session; of one that is there, `last` is not changed by this."""
    session = records.sessions.get(row.digest)
    if session is None:
        user = records.users[row.user]
        return _restore_session(
            records,
            RestoreSession(Session(row.id, user, row.digest, row.last, row.seen, row.address, row.software)),
        )
    before = session.row()
    session.seen, session.address, session.software = row.seen, row.address, row.software
    return before


def _drop_session(records: Records, row: DropSession) -> Applied:
    session = records.sessions_by_id.pop(row.id)
    del records.sessions[session.digest]
    session.user.sessions.discard(session)
    return RestoreSession(session)


def _restore_session(records: Records, change: RestoreSession) -> Applied:
    session = change.session
    records.sessions[session.digest] = records.sessions_by_id[session.id] = session
    session.user.sessions.add(session)
    return DropSession(session.id)


# ---- rooms and members ------------------------------------------------------------------------------


def _put_room(records: Records, row: PutRoom) -> Applied:
    room = records.rooms_by_id.get(row.id)
    if room is None:
        return _add_room(records, row, Log(row.id, row.name, row.first, row.first - 1))
    before = room.row()
    room.topic, room.log.first = row.topic, row.first
    if row.name != room.name:
        _take_name(records, room)
        room.name = row.name
        _give_name(records, room)
    rules = Rules(*row[_RULES:])
    if rules != room.rules:
        room.rules = rules
        settle(room)
    return before


def _put_stored_room(records: Records, stored: StoredRoom) -> Applied:
    row = stored.room
    head = max(stored.head, row.first - 1)
    check = stored.check if head == stored.head else ""
    return _add_room(records, row, Log(row.id, row.name, row.first, head, stored.ts, check))


def _add_room(records: Records, row: PutRoom, log: Log) -> Applied:
    room = Room(row.name, log, row.topic, row.begun_by, rules=Rules(*row[_RULES:]))
    settle(room)
    return _restore_room(records, RestoreRoom(room))


def _drop_room(records: Records, row: DropRoom) -> Applied:
    room = records.rooms_by_id.pop(row.id)
    _take_name(records, room)
    if room.begun_by in records.users:
        records.users[room.begun_by].begun -= 1
    return RestoreRoom(room)


def _restore_room(records: Records, change: RestoreRoom) -> Applied:
    room = change.room
    records.rooms_by_id[room.log.id] = room
    _give_name(records, room)
    if room.begun_by in records.users:
        records.users[room.begun_by].begun += 1
    return DropRoom(room.log.id)


def _give_name(records: Records, room: Room) -> None:
    records.rooms[room.name] = room
    if room.name.startswith(ROOM_SIGN):
        records.room_twins.add(room.name, room)
    records.gone.add(room)


def _take_name(records: Records, room: Room) -> None:
    del records.rooms[room.name]
    if room.name.startswith(ROOM_SIGN):
        records.room_twins.drop(room.name, room)
    records.gone.drop(room)


def _put_member(records: Records, row: PutMember) -> Applied:
    room, user = records.rooms_by_id[row.room], records.users[row.user]
    before = room.members.get(user)
    room.members[user] = Membership(row.read, row.role, row.since)
    user.rooms[room] = None
    return DropMember(row.room, row.user) if before is None else PutMember(row.room, row.user, *before)


def _drop_member(records: Records, row: DropMember) -> Applied:
    room, user = records.rooms_by_id[row.room], records.users[row.user]
    before = room.member_row(user)
    del room.members[user], user.rooms[room]
    room.spoken.pop(user, None)
    return before


def _note_spoken(records: Records, change: NoteSpoken) -> Applied:
    spoken, user = records.rooms_by_id[change.room].spoken, records.users[change.user]
    before = spoken.pop(user, None)
    if change.at is not None:
        spoken[user] = change.at
    return change._replace(at=before)


def _put_act(records: Records, row: PutAct) -> Applied:
    room = records.rooms_by_id[row.room]
    before = room.acts.get((row.what, row.whom))
    _set_act(records, room, (row.what, row.whom), row)
    return DropAct(row.room, row.what, row.whom) if before is None else before


def _drop_act(records: Records, row: DropAct) -> Applied:
    room = records.rooms_by_id[row.room]
    before = room.acts[row.what, row.whom]
    _set_act(records, room, (row.what, row.whom), None)
    return before


def _set_act(records: Records, room: Room, key: tuple[str, str], act: PutAct | None) -> None:
    what, whom = key
    before = room.acts.pop(key, None)
    growth = (act is not None) - (before is not None)
    if what != DELETION:
        records.acts += growth
    if what == MUTE:
        room.mutes += growth
    if before is not None and what == INVITE and before.user in records.users:
        invited = records.users[before.user].invited
        invited[room].pop(whom)
        if not invited[room]:
            del invited[room]
    if act is not None:
        room.acts[key] = act
        if what == INVITE and act.user in records.users:
            records.users[act.user].invited.setdefault(room, {})[whom] = act
    settle(room)


# ---- direct messages --------------------------------------------------------------------------------


def _put_block(records: Records, row: PutBlock) -> Applied:
    blocked = records.users[row.user].blocked
    if row.whom in blocked:
        return NOTHING
    blocked.add(row.whom)
    return DropBlock(*row)


def _drop_block(records: Records, row: DropBlock) -> Applied:
    records.users[row.user].blocked.discard(row.whom)
    return PutBlock(*row)


def _put_allow(records: Records, row: PutAllow) -> Applied:
    user = records.users[row.user]
    before, user.allow = user.allow, row.direct
    return DropAllow(row.user) if before == EVERYBODY else PutAllow(row.user, before)


def _drop_allow(records: Records, row: DropAllow) -> Applied:
    user = records.users[row.user]
    before, user.allow = user.allow, EVERYBODY
    return PutAllow(row.user, before)


# ---- posted files, ages, uploads, the time ----------------------------------------------------------


def _put_file(records: Records, row: PutFile) -> Applied:
    room = records.rooms_by_id[row.room]
    records.posted.add(room, row.seq, File(name=row.name, size=row.size, sha256=row.sha256, media=row.media))
    return DropFile(row.room, row.seq)


def _drop_file(records: Records, row: DropFile) -> Applied:
    room = records.rooms_by_id[row.room]
    return files.row(room, row.seq, records.posted.drop(room, row.seq))


def _drop_files(records: Records, row: DropFiles) -> Applied:
    seqs = records.posted.below(records.rooms_by_id[row.room], row.first)
    return Several(tuple(_drop_file(records, DropFile(row.room, seq)) for seq in seqs))


def _put_mark(records: Records, row: PutMark) -> Applied:
    before = records.ages.put(row.room, row.seq, row.at)
    return DropMark(row.room, row.seq) if before is None else row._replace(at=before)


def _drop_mark(records: Records, row: DropMark) -> Applied:
    return PutMark(row.room, row.seq, records.ages.drop(row.room, row.seq))


def _drop_marks(records: Records, row: DropMarks) -> Applied:
    seqs = records.ages.below(row.room, row.first)
    return Several(tuple(_drop_mark(records, DropMark(row.room, seq)) for seq in seqs))


def _put_upload(records: Records, row: PutUpload) -> Applied:
    before = records.uploads.get((row.user, row.sha256))
    records.uploads[row.user, row.sha256] = row.at
    return DropUpload(row.user, row.sha256) if before is None else row._replace(at=before)


def _drop_upload(records: Records, row: DropUpload) -> Applied:
    return PutUpload(*row, records.uploads.pop(row))


def _put_time(records: Records, row: PutTime) -> Applied:
    before, records.time = records.time, row
    return before


def _trim(records: Records, row: Trim) -> Applied:
    """Nothing: the room's `PutRoom` says what is kept, and memory holds recent events only."""
    del records, row
    return NOTHING


def _put_emptied(records: Records, row: PutEmptied) -> Applied:
    """Nothing: the log knows its last event while the daemon runs."""
    del records, row
    return NOTHING


def _several(records: Records, several: Several) -> Applied:
    return Several(tuple(reversed([apply(records, change) for change in several.changes])))


_APPLY: Final[dict[type[Applied], Callable[[Records, Any], Applied]]] = {
    PutUser: _put_user,
    DropUser: _drop_user,
    RestoreUser: _restore_user,
    PutAccount: _put_account,
    DropAccount: _drop_account,
    PutNick: _put_nick,
    DropNick: _drop_nick,
    PutInvite: _put_invite,
    DropInvite: _drop_invite,
    PutSession: _put_session,
    DropSession: _drop_session,
    RestoreSession: _restore_session,
    PutRoom: _put_room,
    StoredRoom: _put_stored_room,
    DropRoom: _drop_room,
    RestoreRoom: _restore_room,
    PutMember: _put_member,
    DropMember: _drop_member,
    PutAct: _put_act,
    DropAct: _drop_act,
    PutBlock: _put_block,
    DropBlock: _drop_block,
    PutAllow: _put_allow,
    DropAllow: _drop_allow,
    PutFile: _put_file,
    NoteSpoken: _note_spoken,
    DropFile: _drop_file,
    DropFiles: _drop_files,
    Trim: _trim,
    PutEmptied: _put_emptied,
    PutMark: _put_mark,
    DropMark: _drop_mark,
    DropMarks: _drop_marks,
    PutUpload: _put_upload,
    DropUpload: _drop_upload,
    PutTime: _put_time,
    Several: _several,
}
