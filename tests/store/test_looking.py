"""What is read to tell what events have become is as much as one answer holds, however long it all is."""

import pytest

from chatd.chat.changes.rows import (
    DropReaction,
    DropReactions,
    DropReactionsBelow,
    PutEdit,
    PutPin,
    PutReaction,
    PutReply,
    PutRoom,
)
from chatd.chat.looked import QUOTED_BYTES, Pinned, Range
from chatd.chat.rules import DEFAULT
from chatd.chat.storage import Changes
from chatd.wire.limits import PAGE_BYTES
from chatd.wire.messages import Event
from chatd.wire.stored import pack

COUNT = 60
LONG = '"' * 16_000


def event(seq, **fields):
    return Event(room="#a", seq=seq, ts=seq, **{"kind": "message", "by": "ann", "text": LONG, **fields})


def fill(disk, short):
    """Let all be said in one thread, edited, pinned, and quoted by what comes behind, ``short`` or not."""
    text = "short" if short else LONG
    said = [event(seq) for seq in range(1, COUNT + 1)]
    said += [event(seq, text=text, ref=seq - COUNT, thread=1) for seq in range(COUNT + 1, 2 * COUNT + 1)]
    edits = [event(2 * COUNT + seq, kind="edit", ref=seq) for seq in range(1, COUNT + 1)]
    edits.append(event(3 * COUNT + 1, kind="edit", ref=1))
    replies = [PutReply(1, seq, 1, seq - COUNT) for seq in range(COUNT + 1, 2 * COUNT + 1)]
    edited = [PutEdit(1, one.ref, one.seq) for one in edits]
    pins = [PutPin(1, seq, 1) for seq in range(1, COUNT + 1)]
    room = PutRoom(1, "#a", "", 1, 0, *DEFAULT)
    assert disk.append(Changes(others=[room])) is None
    changes = Changes(events=[(1, 1, pack(said + edits))], others=[*replies, *edited, *pins])
    assert disk.append(changes) is None


def size(frames):
    return sum(map(len, frames.values()))


def test_no_more_is_read_than_one_answer_holds(open_store):
    disk = open_store()
    fill(disk, short=False)
    last = 3 * COUNT
    for wanted in (
        Range(1, last, 200, newest=False),
        Range(1, last, 200, newest=True),
        Range(1, last, 200, newest=True, thread=1),
        tuple(range(1, 51)),
        Pinned(1, last),
    ):
        looked = disk.look(1, wanted, 7)
        assert looked.events
        assert looked.rest
        of_page = {seq: frame for seq, frame in looked.edits.items() if seq not in looked.quoted}
        assert size(looked.events) + size(of_page) <= 2 * PAGE_BYTES  # one alone may take more
        assert size(looked.quoted) <= QUOTED_BYTES
        assert set(looked.pins) == {seq for seq in looked.events if seq <= COUNT}


def test_short_replies_to_what_is_long_are_all_there_though_not_all_of_it_is_quoted(open_store):
    disk = open_store()
    fill(disk, short=True)
    looked = disk.look(1, Range(COUNT + 1, 2 * COUNT, 200, newest=True), 7)
    assert len(looked.events) == COUNT
    assert not looked.rest
    assert looked.quoted.keys() == looked.edits.keys()
    assert min(looked.quoted) > 1
    assert max(looked.quoted) == COUNT, "the newest first"
    assert size(looked.quoted) + size(looked.edits) <= QUOTED_BYTES


def test_what_edits_say_is_read_only_where_it_matters(open_store):
    disk = open_store()
    fill(disk, short=True)
    numbers = {2 * COUNT + 1, 3 * COUNT + 1}
    assert disk.facts(1, 1, 7).edits == dict.fromkeys(numbers, b"")
    whole = disk.facts(1, 1, 7, whole=True).edits
    assert whole.keys() == numbers
    assert all(whole.values())


@pytest.mark.parametrize("drop", [DropReactions(1, 2), DropReactionsBelow(1, 3)], ids=["removed", "trimmed"])
def test_many_reactions_go_without_being_counted_down(open_store, drop):
    disk = open_store()
    fill(disk, short=True)
    many = [PutReaction(1, user, 2, emoji, 200) for user in range(100) for emoji in "🍵👍"]
    assert disk.append(Changes(others=[*many, PutReaction(1, 1, 3, "🍵", 200)])) is None
    before = disk.store._writer.total_changes()
    assert disk.append(Changes(others=[drop])) is None
    assert disk.store._writer.total_changes() - before < len(many) + 10
    assert [disk.facts(1, seq, 7).reactions for seq in (2, 3)] == [{}, {"🍵": 1}]
    again = [PutReaction(1, user, 2, "👍", 200) for user in range(3)]
    assert (
        disk.append(Changes(others=[*again, DropReaction(1, 0, 2, "👍"), DropReaction(1, 1, 3, "🍵")]))
        is None
    )
    assert [disk.facts(1, seq, 7).reactions for seq in (2, 3)] == [{"👍": 2}, {}], "they are counted as ever"
