"""What is told of a batch besides its changes, for machines that did not decide it: ids instead of objects.

It concerns connections: who follows a room from now on, or no further; what is to be counted anew. None of it
is stored.
"""

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from chatd.chat.batch import Batch


class Told(NamedTuple):
    """What `chatd.chat.batch.Batch` holds under the same names, by the ids of logs and users, in order.

    ``ends`` are (log, user, last event, since), ``follows`` (log, user, cursor), ``unread`` (log, user,
    thread), ``gone`` and ``trimmed`` (log, event).
    """

    ends: tuple[tuple[int, int, int, int], ...] = ()
    follows: tuple[tuple[int, int, int], ...] = ()
    narrowed: tuple[int, ...] = ()
    deleted: tuple[int, ...] = ()
    unread: tuple[tuple[int, int, int], ...] = ()
    gone: tuple[tuple[int, int], ...] = ()
    trimmed: tuple[tuple[int, int], ...] = ()


NOTHING_TOLD: Final = Told()
"""What is told of most batches."""


def told_of(batch: "Batch") -> Told:
    """Return what is told of ``batch``."""
    return Told(
        tuple([(end.room.log.id, end.user.id, end.seq, end.since) for end in batch.ends]),
        tuple([(room.log.id, user.id, cursor) for room, user, cursor in batch.follows]),
        tuple([room.log.id for room in batch.narrowed]),
        tuple([user.id for user in batch.deleted]),
        tuple([(room.log.id, user.id, thread) for room, user, thread in batch.unread]),
        tuple([(room.log.id, seq) for room, seq in batch.gone.items()]),
        tuple([(log.id, first) for log, first in batch.trimmed.items()]),
    )
