"""Applying: makes changes, takes them back, and loads what is on disk."""

from collections.abc import Iterable
from itertools import chain, groupby
from operator import attrgetter, itemgetter
from typing import Final

from chatd.chat.changes.inverses import Applied, Apply, Several
from chatd.chat.changes.records import Records
from chatd.chat.changes.relations import RELATIONS
from chatd.chat.changes.rooms import ROOMS
from chatd.chat.changes.upkeep import UPKEEP
from chatd.chat.changes.users import USERS
from chatd.chat.storage import Snapshot


def apply(records: Records, change: Applied) -> Applied:
    """Make ``change`` in ``records`` and return what takes it back."""
    return _APPLY[type(change)](records, change)


def undo(records: Records, inverses: Iterable[Applied]) -> None:
    """Take back what was changed: apply ``inverses``, which are ordered as the changes were."""
    for inverse in reversed(list(inverses)):
        apply(records, inverse)


def load(records: Records, snapshot: Snapshot) -> None:
    """Make of an empty ``records`` what ``snapshot`` holds."""
    posted = (file for file in snapshot.files if file.seq >= records.rooms_by_id[file.room].log.first)
    rows: tuple[Iterable[Applied], ...] = (
        snapshot.users,
        snapshot.accounts,
        snapshot.nicks,
        snapshot.invites,
        snapshot.certificates,
        snapshot.places,
        snapshot.erasures,
        snapshot.sessions,
        snapshot.rooms,
        snapshot.members,
        snapshot.acts,
        snapshot.blocks,
        snapshot.allows,
        snapshot.address_bans,
        snapshot.statuses,
        posted,
        snapshot.pins,
        snapshot.mentions,
        snapshot.threads,
        snapshot.marks,
        snapshot.uploads,
        snapshot.hooks,
        snapshot.hook_keys,
        [snapshot.time],
    )
    for row in chain.from_iterable(rows):
        apply(records, row)
    for room, blocks in groupby(snapshot.tallies, attrgetter("room")):
        if room in records.rooms_by_id:
            records.rooms_by_id[room].log.tally.load(blocks)
    for (log, thread), replies in groupby(snapshot.unread_replies, itemgetter(0, 1)):
        records.rooms_by_id[log].threads[thread].load(seq for _, _, seq in replies)
    records.untallied.update(snapshot.untallied)
    records.listing.sort()
    records.nick_order.sort()
    for user in records.users.values():
        for order in (user.direct, user.unread):
            if len(order) > 1:
                rooms = sorted(order, key=lambda room: room.log.ts)
                order.clear()
                order.update(dict.fromkeys(rooms))


def _several(records: Records, several: Several) -> Applied:
    return Several(tuple(reversed([apply(records, change) for change in several.changes])))


_APPLY: Final[dict[type[Applied], Apply]] = {**USERS, **ROOMS, **RELATIONS, **UPKEEP, Several: _several}
