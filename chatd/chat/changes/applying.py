"""Applying: makes changes, takes them back, and loads what is on disk."""

from collections.abc import Iterable
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Final

from chatd.chat.changes.inverses import Applied, Apply, Several
from chatd.chat.changes.loading import LOAD
from chatd.chat.changes.records import Records
from chatd.chat.changes.relations import RELATIONS
from chatd.chat.changes.rooms import ROOMS
from chatd.chat.changes.rows import PutFile, PutMember, PutRoom
from chatd.chat.changes.upkeep import UPKEEP
from chatd.chat.changes.users import USERS
from chatd.chat.crowd import LARGE
from chatd.chat.storage import LOADED, Snapshot


def apply(records: Records, change: Applied) -> Applied:
    """Make ``change`` in ``records`` and return what takes it back."""
    return _APPLY[type(change)](records, change)


def undo(records: Records, inverses: Iterable[Applied]) -> None:
    """Take back what was changed: apply ``inverses``, which are ordered as the changes were."""
    for inverse in reversed(list(inverses)):
        apply(records, inverse)


def load(records: Records, snapshot: Snapshot) -> None:
    """Make of an empty ``records`` what ``snapshot`` holds, which lets go of its rows meanwhile."""
    for kind in LOADED:
        rows: Iterable[Applied] = snapshot.rooms if kind is PutRoom else snapshot.take(kind)
        if kind in LOAD:
            LOAD[kind](records, rows)
            continue
        for row in rows:
            if isinstance(row, PutFile) and row.seq < records.rooms_by_id[row.room].log.first:
                continue  # it goes with its event, and its row soon
            apply(records, row)
        if kind is PutMember:
            _let_sleep(records, snapshot)
    apply(records, snapshot.time)
    for room, blocks in groupby(snapshot.tallies, attrgetter("room")):
        if room in records.rooms_by_id:
            records.rooms_by_id[room].log.tally.load(blocks)
    for (log, thread), replies in groupby(snapshot.unread_replies, itemgetter(0, 1)):
        records.rooms_by_id[log].threads[thread].load(seq for _, _, seq in replies)
    records.untallied.update(snapshot.untallied)
    records.listing.sort()
    records.nick_order.sort()
    _order_direct(records)


def _let_sleep(records: Records, snapshot: Snapshot) -> None:
    for crowd in snapshot.crowds:
        room = records.rooms_by_id.get(crowd.room)
        if room is not None:
            room.asleep = crowd, records.users
            if crowd.size > LARGE:
                room.wake()
    for haunts in snapshot.haunts:
        user = records.users.get(haunts.user)
        if user is not None:
            user.asleep = haunts, records.rooms_by_id


def _order_direct(records: Records) -> None:
    """Let those logs of direct messages of a user come last in which something was said last."""
    for user in {member: None for room in records.rooms.values() if room.direct for member in room.members}:
        for order in (user.direct, user.unread):
            if len(order) > 1:
                rooms = sorted(order, key=lambda room: room.log.ts)
                order.clear()
                order.update(dict.fromkeys(rooms))


def _several(records: Records, several: Several) -> Applied:
    return Several(tuple(reversed([apply(records, change) for change in several.changes])))


_APPLY: Final[dict[type[Applied], Apply]] = {**USERS, **ROOMS, **RELATIONS, **UPKEEP, Several: _several}
