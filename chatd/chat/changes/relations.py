"""Changes of what refers to events: memory holds what is not durable yet, what is pinned, who is mentioned.

It also holds which events count, but as they are on the disk: that changes with the commit.
"""

from typing import Final

from chatd.chat.changes.inverses import NOTHING, Applied, Apply, NoteUntallied, Several, Unpend
from chatd.chat.changes.records import Records
from chatd.chat.changes.rows import (
    DropEdit,
    DropEdits,
    DropEditsBelow,
    DropMention,
    DropMentions,
    DropPin,
    DropReaction,
    DropReactions,
    DropReactionsBelow,
    DropRepliesBelow,
    DropReply,
    DropTallies,
    DropTally,
    PutEdit,
    PutMention,
    PutPin,
    PutReaction,
    PutReply,
    PutTally,
    Relation,
)
from chatd.chat.mentioned import Mentioned


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


def _put_mention(records: Records, row: PutMention) -> Applied:
    room = records.rooms_by_id[row.room]
    if room.mentioned is None:
        room.mentioned = Mentioned()
    return DropMention(*row) if room.mentioned.put(row.user, row.seq) else NOTHING


def _drop_mention(records: Records, row: DropMention) -> Applied:
    room = records.rooms_by_id[row.room]
    if room.mentioned is not None:
        room.mentioned.drop(row.user, row.seq)
        room.mentioned = room.mentioned or None
    return PutMention(*row)


def _drop_mentions(records: Records, row: DropMentions) -> Applied:
    mentioned = records.rooms_by_id[row.room].mentioned
    below = [] if mentioned is None else mentioned.below(row.first)
    return Several(tuple([_drop_mention(records, DropMention(row.room, *one)) for one in below]))


def _put_tally(records: Records, row: PutTally) -> Applied:
    """Nothing: memory has it. If it cannot be written, it is to be written some other time."""
    del records
    return NoteUntallied(row.room, row.seq)


def _drop_tally(records: Records, row: DropTally) -> Applied:
    return _note_untallied(records, NoteUntallied(*row))


def _note_untallied(records: Records, change: NoteUntallied) -> Applied:
    untallied = records.untallied
    untallied[change.room] = min(untallied.get(change.room, change.seq), change.seq)
    return NOTHING


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
    PutMention: _put_mention,
    DropMention: _drop_mention,
    DropMentions: _drop_mentions,
    PutTally: _put_tally,
    DropTally: _drop_tally,
    NoteUntallied: _note_untallied,
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
            DropTallies,
        ),
        _nothing,
    ),
}
"""What makes each of these changes."""
