"""Rewording: where earlier wordings are not kept, an edit erases them, as a removal would.

The event that is edited, and its earlier edits, keep all but what they say: their numbers, authors and times,
and a file its bytes. Their new stored forms are in the transaction of the edit; in memory the old ones are
what there is until the commit, and nowhere from then on (`chatd.chat.log.Log.reword`).
"""

from collections.abc import Mapping

from msgspec.structs import replace

from chatd.chat.changes.rows import Reword
from chatd.chat.state import Room
from chatd.chat.world import World
from chatd.wire.messages import Event
from chatd.wire.stored import event_in, pack


def reword(world: World, room: Room, event: Event, edits: Mapping[int, bytes], by: int) -> None:
    """Erase what ``event`` of ``room`` and its ``edits``, in their stored form, say: ``by`` does now."""
    for one in (event, *map(event_in, edits.values())):
        if not one.edited:
            emptied = replace(one, text="", mentions=(), edited=by)
            change = Reword(room.log.id, one.seq, by, pack([emptied])[0])
            world.change(change)
            world.batch.reworded.append((room, change))
