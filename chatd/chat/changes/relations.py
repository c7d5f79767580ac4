"""Changes of what refers to events: memory holds what is not durable yet, what is pinned, who is mentioned.

It also holds which events count, but as they are on the disk: that changes with the commit.
"""

from typing import Final

from chatd.chat.changes.inverses import NOTHING, Applied, Apply, NoteUntallied, RestoreThread, Several, Unpend
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
    DropThread,
    DropThreads,
    PutEdit,
    PutMention,
    PutPin,
    PutReaction,
    PutReply,
    PutTally,
    PutThread,
    Relation,
)
from chatd.chat.mentioned import Mentioned
from chatd.chat.thread import Thread


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


def _put_reply(records: Records, row: PutReply) -> Applied:
    thread = records.rooms_by_id[row.room].threads.get(row.thread)
    if thread is not None:
        thread.put(row.seq)
    return DropReply(row.room, row.seq, row.thread)


def _drop_reply(records: Records, row: DropReply) -> Applied:
    thread = records.rooms_by_id[row.room].threads.get(row.thread)
    if thread is not None:
        thread.drop(row.seq)
    return PutReply(row.room, row.seq, row.thread, 0)


def _put_thread(records: Records, row: PutThread) -> Applied:
    threads = records.users[row.user].threads.setdefault(row.room, {})
    before = threads.get(row.seq)
    threads[row.seq] = row
    records.rooms_by_id[row.room].threads.setdefault(row.seq, Thread()).users[row.user] = None
    return DropThread(row.room, row.user, row.seq) if before is None else before


def _drop_thread(records: Records, row: DropThread) -> Applied:
    user, threads = records.users[row.user], records.rooms_by_id[row.room].threads
    before = user.threads[row.room].pop(row.seq)
    if not user.threads[row.room]:
        del user.threads[row.room]
    thread = threads[row.seq]
    del thread.users[row.user]
    if not thread.users:
        del threads[row.seq]
        return RestoreThread(row.room, row.seq, thread, before)
    return before


def _restore_thread(records: Records, change: RestoreThread) -> Applied:
    records.rooms_by_id[change.room].threads.setdefault(change.seq, change.thread)
    return _put_thread(records, change.row)


def _drop_threads(records: Records, row: DropThreads) -> Applied:
    threads = records.rooms_by_id[row.room].threads
    below = [(user, seq) for seq, thread in threads.items() if seq < row.first for user in thread.users]
    return Several(
        tuple(reversed([_drop_thread(records, DropThread(row.room, user, seq)) for user, seq in below]))
    )


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
    PutReply: _put_reply,
    DropReply: _drop_reply,
    PutThread: _put_thread,
    DropThread: _drop_thread,
    DropThreads: _drop_threads,
    RestoreThread: _restore_thread,
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
            DropRepliesBelow,
            DropTallies,
        ),
        _nothing,
    ),
}
"""What makes each of these changes."""
