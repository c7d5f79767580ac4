"""Changes of rooms: names and rules, members, and acts such as bans."""

from typing import Final

from chatd.chat.acts import DELETION, INVITE, MUTE
from chatd.chat.changes.inverses import Applied, Apply, NoteSpoken, RestoreRoom, SetSweeps
from chatd.chat.changes.records import Records
from chatd.chat.changes.rows import DropAct, DropMember, DropRoom, PutAct, PutMember, PutRoom
from chatd.chat.channel_modes import KEY, QUIET, UNLISTED
from chatd.chat.crowd import Membership
from chatd.chat.log import Log
from chatd.chat.names import ROOM_SIGN
from chatd.chat.permissions import settle
from chatd.chat.rules import Rules, Standing
from chatd.chat.state import Room, User
from chatd.chat.storage import StoredRoom

_RULES: Final = 5
"""The fields of `PutRoom` before the rules."""


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
        records.listing.put(room)
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
    records.listing.put(room)
    if room.name.startswith(ROOM_SIGN):
        records.room_twins.add(room.name, room)
    records.gone.add(room)


def _take_name(records: Records, room: Room) -> None:
    del records.rooms[room.name]
    records.listing.drop(room)
    if room.name.startswith(ROOM_SIGN):
        records.room_twins.drop(room.name, room)
    records.gone.drop(room)


def _put_member(records: Records, row: PutMember) -> Applied:
    room, user = records.rooms_by_id[row.room], records.users[row.user]
    before = room.members.get(user)
    room.members[user] = Membership(row.read, row.role, row.since)
    if row.role == Standing.OWNER:
        room.owners[user] = None
    elif room.has("owners"):
        room.owners.pop(user, None)
    if room.direct:
        _join_direct(room, user, row.read)
    else:
        user.rooms[room] = None
    return DropMember(row.room, row.user) if before is None else PutMember(row.room, row.user, *before)


def _join_direct(room: Room, user: User, read: int) -> None:
    """Keep a log of direct messages in its place among those of ``user``."""
    user.direct.setdefault(room)
    if read >= room.log.last:
        user.unread.pop(room, None)
    else:
        user.unread.setdefault(room)


def _drop_member(records: Records, row: DropMember) -> Applied:
    room, user = records.rooms_by_id[row.room], records.users[row.user]
    before = room.member_row(user)
    del room.members[user]
    if room.direct:
        del user.direct[room]
        user.unread.pop(room, None)
    else:
        del user.rooms[room]
    room.owners.pop(user, None)
    room.spoken.pop(user, None)
    return before


def _note_spoken(records: Records, change: NoteSpoken) -> Applied:
    spoken, user = records.rooms_by_id[change.room].spoken, records.users[change.user]
    before = spoken.pop(user, None)
    if change.at is not None:
        spoken[user] = change.at
    return change._replace(at=before)


def _set_sweeps(records: Records, change: SetSweeps) -> Applied:
    room = records.rooms_by_id[change.room]
    before, room.sweeps = room.sweeps, change.sweeps
    if room.sweeps:
        records.sweeps[room] = None
    else:
        records.sweeps.pop(room, None)
    settle(room)
    return change._replace(sweeps=before)


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
    if what in {MUTE, QUIET}:
        room.mutes += growth
    elif what == KEY:
        room.keys += growth
    if before is not None and what == INVITE and before.user in records.users:
        invited = records.users[before.user].invited
        invited[room].pop(whom)
        if not invited[room]:
            del invited[room]
    if act is not None:
        room.acts[key] = act
        if what == INVITE and act.user in records.users:
            records.users[act.user].invited.setdefault(room, {})[whom] = act
    if what == UNLISTED:
        records.listing.put(room)
    settle(room)


ROOMS: Final[dict[type[Applied], Apply]] = {
    PutRoom: _put_room,
    StoredRoom: _put_stored_room,
    DropRoom: _drop_room,
    RestoreRoom: _restore_room,
    PutMember: _put_member,
    DropMember: _drop_member,
    PutAct: _put_act,
    DropAct: _drop_act,
    NoteSpoken: _note_spoken,
    SetSweeps: _set_sweeps,
}
"""What makes each of these changes."""
