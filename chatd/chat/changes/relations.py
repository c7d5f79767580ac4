"""Changes of what refers to events: memory holds what is not durable yet, and what is pinned."""

from typing import Final

from chatd.chat.changes.inverses import NOTHING, Applied, Apply, Unpend
from chatd.chat.changes.records import Records
from chatd.chat.changes.rows import (
    DropEdit,
    DropEdits,
    DropEditsBelow,
    DropPin,
    DropReaction,
    DropReactions,
    DropReactionsBelow,
    DropRepliesBelow,
    DropReply,
    PutEdit,
    PutPin,
    PutReaction,
    PutReply,
    Relation,
)


def _pend(records: Records, row: Relation) -> Applied:
    """Note it: what the disk knows is without it until it is durable (`Log.settle`)."""
    records.rooms_by_id[row.room].log.pend(row)
    return Unpend(row)


def _unpend(records: Records, change: Unpend) -> Applied:
    records.rooms_by_id[change.change.room].log.unpend(change.change)
    return change.change


def _put_pin(records: Records, row: PutPin) -> Applied:
    pins = records.rooms_by_id[row.room].pins
    before = pins.get(row.seq)
    pins[row.seq] = row.by
    return DropPin(row.room, row.seq) if before is None else row._replace(by=before)


def _drop_pin(records: Records, row: DropPin) -> Applied:
    return PutPin(row.room, row.seq, records.rooms_by_id[row.room].pins.pop(row.seq))


def _nothing(records: Records, row: Applied) -> Applied:
    """Nothing: memory does not hold it."""
    del records, row
    return NOTHING


RELATIONS: Final[dict[type[Applied], Apply]] = {
    PutEdit: _pend,
    PutReaction: _pend,
    DropReaction: _pend,
    Unpend: _unpend,
    PutPin: _put_pin,
    DropPin: _drop_pin,
    **dict.fromkeys(
        (
            DropEdit,
            DropEdits,
            DropEditsBelow,
            DropReactions,
            DropReactionsBelow,
            PutReply,
            DropReply,
            DropRepliesBelow,
        ),
        _nothing,
    ),
}
"""What makes each of these changes."""
